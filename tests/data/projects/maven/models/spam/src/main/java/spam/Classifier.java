package spam;

import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Properties;
import java.util.TreeMap;

/** Naive Bayes over words: one weight a word, the logarithm of how much more often spam has it. */
final class Classifier {
    private final TreeMap<String, Double> weights = new TreeMap<>();

    static List<String[]> messages(Path file) throws IOException {
        return Files.readAllLines(file).stream().map(line -> line.split("\t", 2)).toList();
    }

    static Classifier train(List<String[]> messages) {
        var counts = new TreeMap<String, double[]>();
        double[] totals = {0, 0};
        for (String[] message : messages) {
            int side = isSpam(message) ? 1 : 0;
            for (String word : words(message[1])) {
                counts.computeIfAbsent(word, any -> new double[2])[side]++;
                totals[side]++;
            }
        }
        var trained = new Classifier();
        counts.forEach((word, count) -> trained.weights.put(word,
                Math.log((count[1] + 1) / (totals[1] + counts.size()))
                        - Math.log((count[0] + 1) / (totals[0] + counts.size()))));
        return trained;
    }

    static Classifier load(Path file) throws IOException {
        var properties = new Properties();
        try (Reader reader = Files.newBufferedReader(file)) {
            properties.load(reader);
        }
        var loaded = new Classifier();
        properties.forEach((word, weight) -> loaded.weights.put((String) word, Double.valueOf((String) weight)));
        return loaded;
    }

    /** In the order of the words and without a date, so that the same data gives the same bytes. */
    void save(Path file) throws IOException {
        try (Writer writer = Files.newBufferedWriter(file)) {
            for (var entry : weights.entrySet()) {
                writer.write(String.format(Locale.ROOT, "%s=%.6f%n", entry.getKey(), entry.getValue()));
            }
        }
    }

    boolean spam(String text) {
        return words(text).stream().mapToDouble(word -> weights.getOrDefault(word, 0.0)).sum() > 0;
    }

    static boolean isSpam(String[] message) {
        return message[0].equals("spam");
    }

    private static List<String> words(String text) {
        return List.of(text.toLowerCase(Locale.ROOT).split("[^a-z]+"));
    }
}
