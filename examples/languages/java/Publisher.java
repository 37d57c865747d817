import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/** Publishes each line of standard input, which a CR ends too: java Publisher.java /tmp/mypipe */
class Publisher {
    public static void main(String[] args) throws IOException {
        if (args.length != 1) {
            System.err.println("usage: Publisher PIPE");
            System.exit(2);
        }
        var path = Path.of(args[0]);
        // Waits for a reader. The pipe stays open between messages.
        var pipe = FileChannel.open(path, WRITE);
        // One character for each byte: a message need not be UTF-8.
        var input = new BufferedReader(new InputStreamReader(System.in, ISO_8859_1));
        for (String line; (line = input.readLine()) != null;) {
            var message = ByteBuffer.wrap((line + "\n").getBytes(ISO_8859_1));
            while (message.hasRemaining()) {
                try {
                    // The message and its line feed in one write(2): up to 4096
                    // bytes no other publisher can get in between.
                    pipe.write(message);
                } catch (IOException error) {
                    if (!"Broken pipe".equals(error.getMessage())) throw error;
                    // EPIPE: the reader has left, and the message is not in the
                    // pipe. It waits for the next reader.
                    pipe.close();
                    pipe = FileChannel.open(path, WRITE);
                }
            }
        }
    }
}
