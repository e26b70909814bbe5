// Express and better-sqlite3: the plain way to keep a callback on Node, one commit a request.
//
// `node server.js <port>`, with the service's settings in the environment. It checks the key and the signature,
// reads the same fields and stores the same row as the service, with the same indexes and as durably.

import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import Database from "better-sqlite3";
import express from "express";

const KEY = Buffer.from(process.env.CALLBACK_KEYS);
const TOKEN = process.env.HOIIO_ACCESS_TOKEN;

const KEPT_HEADERS = [
  "Host", "User-Agent", "Content-Type", "Content-Encoding", "Date", "X-Hoiio-Signature", "X-Request-Id",
  "X-Forwarded-For", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via",
];

// The provider's name for a field, and the column's.
const TEXTS = {
  txn_ref: "txn_ref", session: "session", from: "sender", to: "recipient", msg: "text", tag: "tag",
  ivr_block: "ivr_block", call_state: "call_state", digits: "digits", dest: "dest", dial_status: "dial_status",
  transfer_status: "transfer_status", record_url: "record_url", monitor_url: "monitor_url",
  fax_status: "fax_status", fax_url: "fax_url", fax_error_code: "fax_error_code", currency: "currency",
};
const AMOUNTS = ["rate", "debit"];
const CALL_TYPES = { ringing: "call.ringing", ongoing: "call.ongoing", ended: "call.ended" };
const FAX_TYPES = { answered: "fax.received", failed: "fax.failed" };

const COLUMNS = [
  "identity", "arrival", "kind", "type", ...Object.values(TEXTS), "occurred_at", "received_at", "signature",
  "quarantine", "repeats", "problems", "duration", ...AMOUNTS, "method", "query_string", "headers", "body", "peer",
];

const database = new Database(process.env.DATABASE_URL.replace("sqlite:///", ""), { timeout: 60000 });
for (const pragma of ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16384"]) {
  database.pragma(pragma);
}
const insert = database.prepare(
  `INSERT INTO events (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map((name) => `@${name}`).join(", ")})`,
);

function verdict(body, signature) {
  if (!signature) return "missing";
  const expected = Buffer.from(createHmac("sha256", TOKEN).update(body).digest("hex"));
  const given = Buffer.from(signature.trim().toLowerCase());
  return given.length === expected.length && timingSafeEqual(given, expected) ? "valid" : "invalid";
}

function kindOf(said, kind) {
  if ("fax_status" in said) return "fax";
  if ("call_state" in said || "session" in said) return "voice";
  return "msg" in said ? "sms" : kind;
}

function typeOf(kind, said) {
  if (kind === "voice") return CALL_TYPES[said.call_state] ?? "unknown";
  if (kind === "fax") return FAX_TYPES[said.fax_status] ?? "unknown";
  return "msg" in said ? "sms.received" : "unknown";
}

// As SQLAlchemy keeps times in SQLite: UTC, microseconds, no zone.
function stored(time) {
  return time.toISOString().replace("T", " ").replace("Z", "000");
}

// The provider's times are GMT+8 and do not say so.
function instant(date) {
  const time = new Date(`${date.replace(" ", "T")}+08:00`);
  return Number.isNaN(time.getTime()) ? null : stored(time);
}

function rowOf(kind, request) {
  const body = request.body;
  const said = Object.fromEntries(new URLSearchParams(body.toString("utf8")));
  const found = kindOf(said, kind);
  const content = JSON.stringify(said, Object.keys(said).sort());
  const digest = createHash("blake2b512").update(content).digest("hex").slice(0, 32);
  const row = {
    identity: `${said.txn_ref}/${found}/${digest}`,
    arrival: randomBytes(8).toString("hex"),
    kind: found,
    type: typeOf(found, said),
    occurred_at: said.date ? instant(said.date) : null,
    received_at: stored(new Date()),
    signature: verdict(body, request.get("X-Hoiio-Signature")),
    quarantine: null,
    repeats: 0,
    problems: null,
    duration: /^[0-9]{1,6}$/.test(said.duration ?? "") ? Number(said.duration) : null,
    method: request.method,
    query_string: Buffer.from(request.url.split("?")[1] ?? ""),
    headers: Buffer.from(
      KEPT_HEADERS.filter((name) => request.get(name)).map((name) => `${name}: ${request.get(name)}`).join("\r\n"),
    ),
    body,
    peer: request.socket.remoteAddress,
  };
  for (const [name, column] of Object.entries(TEXTS)) {
    row[column] = said[name] === undefined ? null : said[name].replaceAll("\0", "\ufffd");
  }
  for (const name of AMOUNTS) {
    row[name] = /^-?[0-9]{1,12}(\.[0-9]{1,9})?$/.test(said[name] ?? "") ? said[name] : null;
  }
  return row;
}

const app = express();
app.disable("x-powered-by");
app.disable("etag");

app.get("/health/ready", (_, answer) => answer.json({ status: "ok" }));

app.post("/callbacks/:key/:kind", express.raw({ type: () => true, limit: "64kb" }), (request, answer) => {
  const given = Buffer.from(request.params.key);
  if (given.length !== KEY.length || !timingSafeEqual(given, KEY)) return answer.status(404).end();
  insert.run(rowOf(request.params.kind, request)); // outside a transaction: a commit of its own
  return answer.status(200).end();
});

app.listen(Number(process.argv[2]), "127.0.0.1");
