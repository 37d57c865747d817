/**
 * Limits what MQTT.js and its dependencies see of the environment; loaded
 * before them.
 *
 * They ask for a dozen variables, and list all of them, to tune themselves. If
 * the program has no permission to read a variable, they see it as not set, so
 * the program needs no permission for this.
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
