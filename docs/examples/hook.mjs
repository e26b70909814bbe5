// SECRET=whsec_… PORT=3000 node hook.mjs
import { createHmac, timingSafeEqual } from "node:crypto";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";

const key = Buffer.from(process.env.SECRET.replace("whsec_", ""), "base64");
if (key.length === 0) throw new Error("SECRET is empty");

function isSigned({ "webhook-id": id, "webhook-timestamp": time, "webhook-signature": given = "" }, body) {
  const hmac = createHmac("sha256", key).update(`${id}.${time}.`).update(body);
  const right = Buffer.from("v1," + hmac.digest("base64"));
  const isRight = (one) => one.length === right.length && timingSafeEqual(one, right);
  return Math.abs(Date.now() / 1000 - time) <= 300 && given.split(" ").map((one) => Buffer.from(one)).some(isRight);
}

async function answer(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  if (!isSigned(request.headers, body)) return 401;
  const file = `inbox/${request.headers["webhook-id"]}.json`;
  if (!existsSync(file)) {
    writeFileSync(`${file}.part`, body);
    renameSync(`${file}.part`, file);
  }
  return 204;
}

createServer(async (request, response) => {
  response.statusCode = await answer(request).catch(() => 500);
  response.end();
}).listen(process.env.PORT, "127.0.0.1");
