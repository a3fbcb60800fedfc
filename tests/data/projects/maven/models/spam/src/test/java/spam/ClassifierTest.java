package spam;

import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import org.junit.Test;

public class ClassifierTest {
    @Test
    public void knowsAnObviousPrize() throws IOException {
        assertTrue(Classifier.load(Path.of("model.properties")).spam("win a free prize now"));
    }

    @Test
    public void letsTheMeetingThrough() throws IOException {
        assertFalse(Classifier.load(Path.of("model.properties")).spam("notes of the meeting on monday"));
    }
}
