/**
 * Bridges in a circle: a message ends where it has been.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { publish } from "../mod.ts";
import { Mosquitto, withoutMosquitto } from "./harness/mosquitto.ts";
import { testWithout } from "./harness/needs.ts";
import { type Process, TestBus } from "./harness/process.ts";
import { ownBus } from "./harness/bus.ts";

/**
 * Circles of bridges. A letter is a broker, with a topic of its own if there is
 * one; `1` and `2` are topics of two buses.
 */
const CIRCLES: [circle: string, otherNames: boolean][] = [
  ["A B C", false],
  ["A B C", true],
  ["A/x A/y A/z", false],
  ["A B 1", false],
  ["A 1 B 2", false],
];

for (const [circle, otherNames] of CIRCLES) {
  const how = otherNames ? ", whose bridges call them by two names each" : "";
  testWithout(
    withoutMosquitto,
    `a message goes through the circle ${circle}${how} once`,
    async () => {
      await using bus = ownBus();
      await using bus2 = new TestBus();
      await using a = await Mosquitto.start(bus);
      await using b = await Mosquitto.start(bus);
      await using c = await Mosquitto.start(bus);
      const brokers: Record<string, Mosquitto> = { A: a, B: b, C: c };
      const places = circle.split(" ");
      // Any name will do that is the same for both buses, as a loopback's is not.
      const address = (place: string, host = "0.0.0.0") => {
        const [letter, topic = "x"] = place.split("/");
        const broker = brokers[letter!];
        if (!broker) return topic;
        return `mqtt://${host}:${broker.port}/${topic}`;
      };
      const edges = places.map((place, i) =>
        [place, places[(i + 1) % places.length]!] as const
      );
      await publish(address(places[0]!), "0", { retain: true });
      await using stack = new AsyncDisposableStack();
      // The one that closes the circle first: it takes part from the beginning.
      for (const [from, to] of edges.toReversed()) {
        const own = from === "2" || to === "2" ? bus2 : bus;
        const target = address(to, otherNames ? "127.0.0.1" : undefined);
        stack.use(
          own.pub("--retain", "--qos=1", "--from", address(from), target),
        );
      }
      // With two names for the first place, messages come there once more.
      const readers = places.slice(otherNames ? 1 : 0).map((place) => {
        const own = place === "2" ? bus2 : bus;
        return stack.use(own.subOnce(address(place)));
      });
      // A last value of the bus has no marks: it may go round twice.
      const next = async (reader: Process) => {
        let line;
        while ((line = await reader.line()) === "0");
        return line;
      };
      // It comes to each when all bridges but the last are there.
      for (const reader of readers) assertEquals(await reader.line(), "0");
      // One by one: in a circle, others would come in between.
      for (let i = 1; i <= 20; i++) {
        await publish(address(places[0]!), `${i}`, { mqtt: { qos: 1 } });
        for (const reader of readers) assertEquals(await next(reader), `${i}`);
      }
    },
  );
}
