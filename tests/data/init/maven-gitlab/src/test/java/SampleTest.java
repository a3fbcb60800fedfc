import static org.junit.Assert.assertEquals;

import org.junit.Test;

public class SampleTest {
    @Test
    public void adds() {
        assertEquals(4, 2 + 2);
    }
}
