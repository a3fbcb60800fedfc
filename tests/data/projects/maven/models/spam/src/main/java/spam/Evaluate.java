package spam;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

final class Evaluate {
    public static void main(String[] arguments) throws IOException {
        var classifier = Classifier.load(Path.of(arguments[0]));
        var messages = Classifier.messages(Path.of(arguments[1]));
        double right = 0;
        double spam = 0;
        double found = 0;
        for (String[] message : messages) {
            boolean said = classifier.spam(message[1]);
            right += said == Classifier.isSpam(message) ? 1 : 0;
            spam += Classifier.isSpam(message) ? 1 : 0;
            found += said && Classifier.isSpam(message) ? 1 : 0;
        }
        String metrics = String.format(Locale.ROOT, "{\"accuracy\": %.4f, \"recall\": %.4f, \"messages\": %d}%n",
                right / messages.size(), found / spam, messages.size());
        Files.writeString(Path.of(arguments[2]), metrics);
        System.out.print(metrics);
    }
}
