// Asks scripts/verify.mjs of many files at once, for the tests beside this file: each line of
// standard input is the base64 of a proof, a trust file and a document (or null); each gets a line.

import { createInterface } from "node:readline";

globalThis.verifierImported = true;
const { verdictOn } = await import("../../scripts/verify.mjs");
for await (const line of createInterface({ input: process.stdin })) {
  const parts = JSON.parse(line).map((part) => part && Buffer.from(part, "base64"));
  process.stdout.write(`${JSON.stringify(verdictOn(...parts))}\n`);
}
