import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Prints messages until it hears "exit"; a CR ends one too: java Subscriber.java /tmp/mypipe */
class Subscriber {
    public static void main(String[] args) throws Exception {
        if (args.length != 1) {
            System.err.println("usage: Subscriber PIPE");
            System.exit(2);
        }
        var path = Path.of(args[0]);
        if (!Files.exists(path)) {
            new ProcessBuilder("mkfifo", "-m", "600", "--", args[0]).inheritIO().start().waitFor();
        }
        // One character for each byte: a message need not be UTF-8.
        var output = new PrintStream(System.out, true, ISO_8859_1);
        // For reading and writing: it never waits for a publisher, and never sees
        // the end of the file when one leaves, so nothing is lost until the next.
        try (var pipe = FileChannel.open(path, READ, WRITE)) {
            var messages = new BufferedReader(new InputStreamReader(Channels.newInputStream(pipe), ISO_8859_1));
            for (String message; (message = messages.readLine()) != null;) {
                if (message.equals("exit")) break;
                output.print(message + "\n");
                // EPIPE on standard output: whoever read it has left.
                if (output.checkError()) break;
            }
        }
    }
}
