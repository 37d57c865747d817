// A thermometer: prints a temperature in °C, again and again.
//
//     node sensor.mjs BASE SECONDS [COUNT] | pub -l warehouse/a5/temperature
import { setTimeout as sleep } from "node:timers/promises";

const [base, seconds, count = Infinity] = process.argv.slice(2).map(Number);
if (seconds === undefined) {
  console.error("usage: sensor.mjs BASE SECONDS [COUNT]");
  process.exit(2);
}
let celsius = base;
for (let i = 0; i < count; i++) {
  celsius += (base - celsius) / 10 + (Math.random() - 0.5) / 2;
  console.log(celsius.toFixed(1));
  await sleep(seconds * 1000);
}
