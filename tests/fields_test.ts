/**
 * The values that dashboards find in messages of real devices.
 *
 * @module
 */
import { assertEquals } from "jsr:@std/assert@1.0.19/equals";
import { Board } from "../lib/cli/board/board.ts";
import { beginning } from "../lib/cli/board/content.ts";
import { readFields } from "../lib/cli/board/fields.ts";
import { readQuantity } from "../lib/cli/board/quantity.ts";
import { valueText } from "../lib/cli/board/table.ts";
import { WireMessage } from "../lib/wire/message.ts";

/** The values of a message as a dashboard shows them, the leading one first. */
function shown(text: string): string[] {
  const board = new Board();
  const message = new WireMessage("t", new TextEncoder().encode(text));
  board.add(message, beginning(message), 0);
  const [row] = board.rows(0);
  const isValue = row!.value !== null || row!.state !== null;
  const series = board.series("t")
    .filter(({ value, state }) => value !== null || state !== null);
  return [
    ...isValue ? [] : ["(text)"],
    ...series.map((it) => `${it.path}: ${valueText(it)}`),
  ];
}

const DEVICES: [name: string, payload: string, values: string[]][] = [
  [
    "Zigbee2MQTT, a climate sensor",
    '{"battery":97,"humidity":41.20,"linkquality":120,"temperature":21.5,"voltage":3005}',
    [
      "temperature: 21.5 temperature",
      "humidity: 41.20 humidity",
      "battery: 97 battery",
      "linkquality: 120 linkquality",
      "voltage: 3005 voltage",
    ],
  ],
  [
    "Zigbee2MQTT, a contact",
    '{"battery":100,"battery_low":false,"contact":true,"device_temperature":25,"linkquality":87,"power_outage_count":3,"tamper":false,"voltage":3055}',
    [
      "contact: ● true contact",
      "battery: 100 battery",
      "battery_low: ○ false battery_low",
      "device_temperature: 25 device_temperature",
      "linkquality: 87 linkquality",
      "power_outage_count: 3 power_outage_count",
      "tamper: ○ false tamper",
      "voltage: 3055 voltage",
    ],
  ],
  [
    "Zigbee2MQTT, a plug",
    '{"current":0.1,"energy":12.3,"linkquality":90,"power":23,"state":"ON","update":{"state":"idle"},"voltage":233}',
    [
      "power: 23 power",
      "state: ● ON state",
      "current: 0.1 current",
      "energy: 12.3 energy",
      "voltage: 233 voltage",
      "linkquality: 90 linkquality",
    ],
  ],
  [
    "Zigbee2MQTT, a lamp",
    '{"brightness":254,"color":{"x":0.45,"y":0.41},"color_mode":"color_temp","color_temp":370,"linkquality":66,"state":"OFF"}',
    [
      "state: ○ OFF state",
      "color.x: 0.45 x",
      "color.y: 0.41 y",
      "color_temp: 370 color_temp",
      "brightness: 254 brightness",
      "linkquality: 66 linkquality",
    ],
  ],
  ["Zigbee2MQTT, a button", '{"action":"single","battery":88}', [
    "battery: 88 battery",
  ]],
  [
    "Tasmota STATE",
    '{"Time":"2026-01-01T12:00:00","Uptime":"0T00:10:12","UptimeSec":612,"Heap":25,"SleepMode":"Dynamic","Sleep":50,"LoadAvg":19,"MqttCount":1,"POWER":"ON","Wifi":{"AP":1,"SSId":"x","Channel":6,"RSSI":100,"Signal":-44}}',
    [
      "POWER: ● ON POWER",
      "LoadAvg: 19 LoadAvg",
      "UptimeSec: 612 UptimeSec",
      "Heap: 25 Heap",
      "Sleep: 50 Sleep",
      "MqttCount: 1 MqttCount",
      "Wifi.AP: 1 AP",
      "Wifi.Channel: 6 Channel",
      "Wifi.RSSI: 100 RSSI",
      "Wifi.Signal: -44 Signal",
    ],
  ],
  [
    "Tasmota SENSOR, climate",
    '{"Time":"2026-01-01T12:00:00","AM2301":{"Temperature":21.3,"Humidity":44.2,"DewPoint":8.7},"TempUnit":"C"}',
    [
      "AM2301.Temperature: 21.3 °C",
      "AM2301.Humidity: 44.2 Humidity",
      "AM2301.DewPoint: 8.7 DewPoint",
    ],
  ],
  [
    "Tasmota SENSOR, energy",
    '{"Time":"2026-01-01T12:00:00","ENERGY":{"TotalStartTime":"2025-01-01T00:00:00","Total":12.345,"Today":0.5,"Power":23,"ApparentPower":25,"Factor":0.92,"Voltage":233,"Current":0.108}}',
    [
      "ENERGY.Power: 23 Power",
      "ENERGY.ApparentPower: 25 ApparentPower",
      "ENERGY.Today: 0.5 Today",
      "ENERGY.Voltage: 233 Voltage",
      "ENERGY.Current: 0.108 Current",
      "ENERGY.Total: 12.345 Total",
      "ENERGY.Factor: 0.92 Factor",
    ],
  ],
  ["Shelly Gen1, temperature", "21.38", [": 21.38"]],
  ["Shelly Gen1, relay", "off", [": ○ off"]],
  [
    "Shelly Gen1, status",
    '{"relays":[{"ison":true,"overpower":false}],"meters":[{"power":23.5,"is_valid":true,"total":1234}],"uptime":600}',
    [
      "meters.0.power: 23.5 power",
      "relays.0.ison: ● true ison",
      "relays.0.overpower: ○ false overpower",
      "meters.0.is_valid: ● true is_valid",
      "meters.0.total: 1234 total",
      "uptime: 600 uptime",
    ],
  ],
  ["Shelly Gen2, temperature", '{"id":0,"tC":21.3,"tF":70.3}', [
    "tC: 21.3 °C",
    "tF: 70.3 °F",
    "id: 0 id",
  ]],
  [
    "Shelly Gen2, switch",
    '{"id":0,"source":"init","output":true,"apower":8.9,"voltage":237.5,"current":0.041,"aenergy":{"total":6.532,"by_minute":[45.2,47.1,88.3],"minute_ts":1626935779},"temperature":{"tC":44.5,"tF":112.1}}',
    [
      "apower: 8.9 apower",
      "temperature.tC: 44.5 °C",
      "temperature.tF: 112.1 °F",
      "output: ● true output",
      "voltage: 237.5 voltage",
      "current: 0.041 current",
      "aenergy.total: 6.532 total",
      "id: 0 id",
      "aenergy.minute_ts: 1,626,935,779 minute_ts",
    ],
  ],
  [
    "OwnTracks",
    '{"_type":"location","acc":12,"alt":154,"batt":87,"conn":"w","lat":52.51,"lon":13.4,"t":"u","tid":"ph","tst":1796569627,"vac":3,"vel":4}',
    [
      "alt: 154 alt",
      "lat: 52.51 lat",
      "lon: 13.4 lon",
      "vel: 4 vel",
      "acc: 12 acc",
      "batt: 87 batt",
      "vac: 3 vac",
      "tst: 1,796,569,627 tst",
    ],
  ],
  ["ESPHome, a sensor", "23.40", [": 23.40"]],
  ["ESPHome, a binary sensor", "ON", [": ● ON"]],
  ["ESPHome, its status", "online", [": ● online"]],
  ["Home Assistant, a cover", "closed", [": ○ closed"]],
  ["Home Assistant, unavailable", "unavailable", ["(text)"]],
  [
    "Home Assistant, an event",
    '{"entity_id":"sensor.x","state":"21.5","attributes":{"unit_of_measurement":"°C","friendly_name":"X"},"last_changed":"2026-01-01T00:00:00"}',
    ["state: 21.5 °C"],
  ],
  [
    "Home Assistant, a configuration",
    '{"name":"Temperature","state_topic":"a/b","unit_of_measurement":"°C","device":{"identifiers":["x"]}}',
    ["(text)"],
  ],
  [
    "Prometheus",
    '# HELP node_temp Temperature.\n# TYPE node_temp gauge\nnode_temp{chip="a"} 41.5\nnode_temp{chip="b"} 40\nup 1\n',
    [
      'node_temp{chip="a"}: 41.5 node_temp',
      'node_temp{chip="b"}: 40 node_temp',
      "up: 1 up",
    ],
  ],
  ["a script", '{"ts":1796569627,"load":0.7}', [
    "load: 0.7 load",
    "ts: 1,796,569,627 ts",
  ]],
  ["a number in quotes", '{"value":"21.5"}', ["value: 21.5"]],
  ["a value with its unit", '{"value": 1.50, "unit": "bar"}', [
    "value: 1.50 bar",
  ]],
  ["a unit of one quantity", '{"name":"a","celsius":21.5,"unit":"K"}', [
    "celsius: 21.5 K",
  ]],
  ["identifiers only", '{"id":5,"event":"started"}', ["(text)", "id: 5 id"]],
  ["a JSON string", '"OPEN"', [": ● OPEN"]],
  ["a large identifier", '{"serial":12345678901234567890,"temp":4.0}', [
    "temp: 4.0 temp",
  ]],
  ["text", "gate 7", ["(text)"]],
  ["a list", "[21.5]", ["(text)"]],
  ["no JSON", "{21.5}", ["(text)"]],
  ["nothing", "", ["(text)"]],
];

Deno.test("messages of real devices have the right values, the best one first", () => {
  for (const [name, payload, values] of DEVICES) {
    assertEquals(shown(payload), values, name);
  }
});

Deno.test("numbers are read as people write them, and other texts stay texts", () => {
  const cases: [text: string, value?: number, unit?: string][] = [
    ["21.5", 21.5, ""],
    [" -3 ", -3, ""],
    ["+.5e3", 500, ""],
    ["21.5 °C", 21.5, "°C"],
    ["21.5C", 21.5, "C"],
    ["40%", 40, "%"],
    ["21,5", 21.5, ""],
    ["0,125 kg", 0.125, "kg"],
    ["1,234", 1234, ""],
    ["12,345,678.9 kWh", 12345678.9, "kWh"],
    ["1.234,5 €", 1234.5, "€"],
    ["1’234.50 CHF", 1234.5, "CHF"],
    ["−5.5 °C", -5.5, "°C"],
    ["412 ppm CO2", 412, "ppm CO2"],
    ["3.2 W/m2", 3.2, "W/m2"],
    ["10 µg/m³", 10, "µg/m³"],
    ["12 req/s", 12, "req/s"],
    ["5 persons", 5, "persons"],
    ...[
      ...["404 Not Found", "200 OK", "192.168.1.1", "192.168.100.200"],
      ...["2026-11-24", "24.11.2026", "25. November", "12:30", "1 h 30 min"],
      ...["3D printer", "3D", "1st", "25.2 °C, more than 25", "0x10", "1,2,3"],
      ...["NaN", "Infinity", "1e999", "", "12345678901234567890", "1.2.3"],
      "9".repeat(985) + "x".repeat(13),
    ].map((text): [string] => [text]),
  ];
  for (const [text, value, unit] of cases) {
    const read = readQuantity(text);
    assertEquals(
      read && [read.value, read.unit],
      value === undefined ? undefined : [value, unit],
      text.slice(0, 40),
    );
  }
});

Deno.test("a message with very many members keeps its best ones", () => {
  const many = Object.fromEntries(
    Array.from({ length: 100 }, (_, i) => [`count${i}_id`, i]),
  );
  const { fields } = readFields(JSON.stringify({ ...many, temperature: 4 }));
  assertEquals(fields.length, 32);
  assertEquals(fields.at(-1)!.path, "temperature");
});
