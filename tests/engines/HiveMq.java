import com.hivemq.configuration.service.InternalConfigurations;
import com.hivemq.embedded.EmbeddedHiveMQ;
import java.nio.file.Path;

/** A HiveMQ that ends with its standard input: `java HiveMq.java FOLDER`. */
public class HiveMq {
  public static void main(String[] args) throws Exception {
    // It has no users.
    InternalConfigurations.AUTH_DENY_UNAUTHENTICATED_CONNECTIONS.set(false);
    Path folder = Path.of(args[0]);
    EmbeddedHiveMQ.builder()
        .withConfigurationFolder(folder)
        .withDataFolder(folder)
        .withExtensionsFolder(folder)
        .withoutLoggingBootstrap()
        .build()
        .start()
        .join();
    while (System.in.read() >= 0) {}
    System.exit(0);
  }
}
