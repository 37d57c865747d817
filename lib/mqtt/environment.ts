/**
 * What MQTT.js and its parts see of the environment; loaded before them.
 *
 * They ask for a dozen variables, and list all of them, to tune themselves. Who
 * may not read a variable is told that it is not set, so that a program needs
 * no permission for that.
 *
 * @module
 */
import process from "node:process";

if (Deno.permissions.querySync({ name: "env" }).state !== "granted") {
  const env = process.env;
  process.env = new Proxy<Record<string, string>>({}, {
    get: (_, name) => {
      const permission = { name: "env", variable: String(name) } as const;
      if (Deno.permissions.querySync(permission).state !== "granted") return;
      return env[String(name)];
    },
  });
}
