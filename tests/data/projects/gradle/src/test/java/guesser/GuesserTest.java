package guesser;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNull;

import org.junit.Ignore;
import org.junit.Test;

public class GuesserTest {
    @Test
    public void knowsTheLanguageOfASentence() throws Exception {
        Guesser guesser = new Guesser();
        assertEquals("en", guesser.guess("The house is on the water."));
        assertEquals("de", guesser.guess("Das Haus ist nicht auf dem Wasser."));
        assertEquals("fr", guesser.guess("La maison est sur l'eau."));
    }

    @Test
    public void saysNothingOfWordsThatItNeverSaw() throws Exception {
        assertNull(new Guesser().guess("42"));
    }

    @Ignore("there are no words of it yet")
    @Test
    public void knowsItalian() throws Exception {
        assertEquals("it", new Guesser().guess("La casa sull'acqua."));
    }
}
