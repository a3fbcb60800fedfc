package guesser;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** Guesses the language of a text by the words that it shares with each. */
public final class Guesser {
    private final Map<String, Set<String>> words = new TreeMap<>();

    /** Reads the words of each language, which are part of the archive. */
    public Guesser() throws IOException {
        try (BufferedReader lines = new BufferedReader(new InputStreamReader(
                Guesser.class.getResourceAsStream("words.tsv"), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] parts = line.split("\t");
                words.put(parts[0], new HashSet<>(Arrays.asList(parts[1].split(" "))));
            }
        }
    }

    /** The code of the language of which a text has the most words; null where it has none of any. */
    public String guess(String text) {
        String best = null;
        long most = 0;
        for (Map.Entry<String, Set<String>> language : words.entrySet()) {
            long shared = Arrays.stream(text.toLowerCase().split("\\W+")).filter(language.getValue()::contains).count();
            if (shared > most) {
                best = language.getKey();
                most = shared;
            }
        }
        return best;
    }
}
