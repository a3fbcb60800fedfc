package spam;

import java.io.IOException;
import java.nio.file.Path;

final class Train {
    public static void main(String[] arguments) throws IOException {
        var messages = Classifier.messages(Path.of(arguments[0]));
        Classifier.train(messages).save(Path.of(arguments[1]));
        System.out.println("trained on " + messages.size() + " messages");
    }
}
