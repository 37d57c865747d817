import java.util.Locale;

/**
 * A thermometer: prints a temperature in °C, again and again.
 *
 * <pre>java Sensor.java BASE SECONDS [COUNT] | pub -l warehouse/a4/temperature</pre>
 */
class Sensor {
    public static void main(String[] args) throws InterruptedException {
        if (args.length < 2) {
            System.err.println("usage: Sensor BASE SECONDS [COUNT]");
            System.exit(2);
        }
        var base = Double.parseDouble(args[0]);
        var seconds = Double.parseDouble(args[1]);
        var left = args.length > 2 ? Integer.parseInt(args[2]) : -1;
        var celsius = base;
        for (; left != 0; left--) {
            celsius += (base - celsius) / 10 + (Math.random() - 0.5) / 2;
            System.out.print(String.format(Locale.ROOT, "%.1f\n", celsius));
            System.out.flush();
            Thread.sleep((long) (seconds * 1000));
        }
    }
}
