// Is the file in the reader's hands the recorded one, and when do recorded events claim that they
// happened? For verify.mjs: proof.md 6.1 and 6.4, epcis.md. No code of hansa.

import { createHmac } from "node:crypto";
import {
  canonical, digest, inLog, need, orElse, readJson, same, writeJson,
} from "./_verify_forms.mjs";

const EVENT_BYTES = 200 * 1024;
const DOCUMENT_BYTES = 16 * 1024 * 1024;
export const FIRST_MS = -62135596800000; // of the year 1
export const LAST_MS = 253402300799999; // of the year 9999
export const [OK, ATTENTION, FAIL] = ["ok", "attention", "fail"];
export const [NOT_GIVEN, INFO] = ["not given", "info"];

// The content: a digest decides, else the recorded bytes or another spelling of them.

const NOTHING = "no file given to compare with the recorded one";
const SAME_FILE = [OK, "the file you hold is the one recorded"];
const CONTAINS = [
  ATTENTION, "the file you hold contains what was recorded; nothing is said of the rest",
];
const ANOTHER = [FAIL, "the file you hold is not the one recorded"];
const NAMES = new Map([["sha-256", "sha256"], ["sm3", "sm3"]]);

const inside = (value) => {
  if (value instanceof Map) return [...value.values()];
  return Array.isArray(value) ? value : [];
};
const byteStrings = (value) =>
  Buffer.isBuffer(value) ? [value] : inside(value).flatMap(byteStrings);
function digestsIn(value) {
  const found = inside(value).flatMap(digestsIn);
  if (!(value instanceof Map)) return found;
  const [given, algorithm] = [value.get("digest"), value.has("alg") ? value.get("alg") : "sha-256"];
  const isOne = Buffer.isBuffer(given) && given.length === 32 && NAMES.has(algorithm);
  return isOne ? [[NAMES.get(algorithm), given], ...found] : found;
}
const latin1 = (raw) => Buffer.from(raw).toString("latin1"); // bytes that can stand in a Set
/** The recorded byte strings that look like JSON texts. */
const jsonTexts = (values) =>
  values.flatMap(byteStrings).filter((raw) => raw[0] === 0x7b || raw[0] === 0x5b);

/** The line of a document: in a batch by its path, with fields by theirs, else by itself. */
export function contentLine(values, content, { member, reveal }) {
  if (member && !inBatch(values, member)) {
    return [FAIL, "the digest given here is not in the batch that was recorded"];
  }
  const missing = reveal?.fields.find((field) => !isSealed(values, field, reveal.size));
  if (missing) return [FAIL, `field ${missing.name} is not as it was sealed`];
  const digests = member ? [[NAMES.get(member.alg), member.digest]] : values.flatMap(digestsIn);
  const [verdict, words] = compare(values, digests, content);
  if (!reveal) return [verdict, words];
  const names = reveal.fields.map(({ name }) => name).join(", ");
  const shown = `${reveal.fields.length} of ${reveal.size} sealed fields shown as they were ` +
    `sealed: ${names}`;
  return verdict === NOT_GIVEN ? [OK, shown] : [verdict, `${words}; ${shown}`];
}

const maps = (values) => values.filter((value) => value instanceof Map);
const is32 = (raw) => Buffer.isBuffer(raw) && raw.length === 32;

/** Whether a digest stands in the batch that was recorded (proof.md 12). */
const inBatch = (values, { digest: leaf, index, size, path }) => maps(values).some((value) =>
  is32(value.get("root")) && value.get("count") === size &&
    inLog(leaf, { index, size, path }, value.get("root")));

/** Whether a field stands in the tree whose root was recorded as the seal (proof.md 11). */
const isSealed = (values, { name, value, salt, index, path }, size) => {
  const commitment = createHmac("sha256", salt).update(canonical(value)).digest("hex");
  const leaf = Buffer.from(canonical([name, commitment]));
  return maps(values).some((one) =>
    is32(one.get("seal")) && inLog(leaf, { index, size, path }, one.get("seal")));
};

function compare(values, recorded, content) {
  if (content === null) return [NOT_GIVEN, NOTHING];
  const matches = ([algorithm, given]) => same(given, digestOf(algorithm, content));
  if (recorded.length) return recorded.some(matches) ? SAME_FILE : ANOTHER;
  const whole = values.flatMap(byteStrings).some((raw) => same(raw, content));
  if (content.length && whole) return SAME_FILE;
  const texts = new Set(jsonTexts(values).map(latin1));
  if (texts.size === 0) return ANOTHER;
  const events = new Set(orElse(() => eventTexts(content), []).map(latin1));
  return compared(texts, events) ?? orElse(() => spelled(texts, content), null) ?? ANOTHER;
}

/** A digest; nothing where this platform lacks the algorithm. */
function digestOf(algorithm, content) {
  try {
    return digest(algorithm, content);
  } catch {
    return Buffer.alloc(0);
  }
}

function compared(recorded, mine) {
  if (![...recorded].every((one) => mine.has(one))) return null;
  return recorded.size === mine.size ? SAME_FILE : CONTAINS;
}

/** By RFC 8785 texts: of the recorded, and of the reader's file and all objects in it. */
function spelled(texts, content) {
  const spelling = (one) => canonical(readJson(Buffer.from(one, "latin1")));
  const recorded = new Set([...texts].map(spelling));
  const document = readJson(content);
  const mine = new Set([canonical(document)]);
  if (recorded.size === 1 && recorded.has([...mine][0])) return SAME_FILE;
  for (const pending = [document]; pending.length; ) {
    const one = pending.pop();
    if (one instanceof Map) mine.add(canonical(one));
    pending.push(...inside(one));
  }
  return compared(recorded, mine);
}

// EPCIS: the text of each event in a document, and the time that an event claims (epcis.md)

/** The events of a document, each as its own text with one context (epcis.md 6). */
function eventTexts(content) {
  need(content.length <= DOCUMENT_BYTES, "too large a document");
  const top = readJson(content, { deepest: 64, twice: true });
  need(top instanceof Map, "no document");
  const text = (event, context, ignored) => {
    need(event instanceof Map, "no event");
    const contexts = [context, event.get("@context")].filter((one) => (one ?? null) !== null);
    const merged = contexts.length === 2 ? contexts.flat() : contexts[0];
    const rest = [...event].filter(([field]) => field !== "@context" && !ignored.includes(field));
    const whole = new Map(merged === undefined ? rest : [["@context", merged], ...rest]);
    eventTime(whole);
    const written = writeJson(whole, exactNumber, (names) => names);
    need(Buffer.byteLength(written) <= EVENT_BYTES && !written.includes("\\u0000"), "no event");
    return written;
  };
  let body = top.get("epcisBody");
  if (body === undefined) return [text(top, null, [])];
  need(body instanceof Map, "no body");
  if (body.has("event")) return [text(body.get("event"), top.get("@context"), [])];
  const results = body.get("queryResults");
  let ignored = [];
  if (results instanceof Map) {
    const named = [...results].find(([field, value]) =>
      field.split(":").at(-1) === "ignoreFields" && Array.isArray(value));
    ignored = named?.[1] ?? [];
    body = results.get("resultsBody");
  }
  need(body instanceof Map, "no body");
  const events = body.has("eventList") ? body.get("eventList") : [];
  need(Array.isArray(events), "no list of events");
  return events.map((event) => text(event, top.get("@context"), ignored));
}

/** A number with the digits that it was read with, at most 40 (epcis.md 1.2). */
function exactNumber(given) {
  if (/^-?[0-9]+$/.test(given)) {
    need(given.length <= 40, "a number of more than 40 digits");
    return String(BigInt(given));
  }
  const [, sign, whole, fraction = "", exponent = "0"] =
    /^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?$/.exec(given);
  const digits = (whole + fraction).replace(/^0+(?=.)/, "");
  const power = Number(exponent) - fraction.length;
  const point = power + digits.length;
  const near = digits === "0".repeat(digits.length) || Math.abs(point - 1) <= 40;
  need(given.length <= 50 && Math.abs(Number(exponent)) < 1e15 && near, "a number out of reach");
  if (power > 0 || point <= -6) {
    const [first, more] = [digits[0], digits.slice(1)];
    return `${sign}${first}${more && `.${more}`}E${point - 1 < 0 ? "" : "+"}${point - 1}`;
  }
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + digits.slice(0, point) + (point < digits.length ? `.${digits.slice(point)}` : "");
}

/** A text without the white space around it. */
const bare = (given) => given.replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, "");

/** When an event claims that it happened, in ms since 1970 (epcis.md 3.6, 5.1 and 5.2). */
function eventTime(event) {
  const kinds = /^(?:Object|Aggregation|Transaction|Transformation|Association)Event$/;
  need(event instanceof Map && kinds.test(event.get("type")), "no event type");
  const acts = ["ADD", "OBSERVE", "DELETE"].includes(event.get("action"));
  need(acts || event.get("type") === "TransformationEvent", "no action");
  const [time, zone] = [event.get("eventTime"), event.get("eventTimeZoneOffset")];
  need(typeof zone === "string", "no zone");
  need(/^[+-](?:0[0-9]|1[0-3]):[0-5][0-9]$|^[+-]14:00$/.test(bare(zone)), "no zone");
  const form = /^([0-9-]{10}T[0-9:]{8})(?:\.([0-9]+))?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$/;
  need(typeof time === "string" && form.test(bare(time)), "no time");
  const [, moment, fraction = "", sign, hours, minutes] = form.exec(bare(time));
  const start = Date.parse(`${moment}Z`);
  const exists = !Number.isNaN(start) && new Date(start).toISOString() === `${moment}.000Z`;
  need(exists && moment >= "0001", "no such moment");
  const apart = 60 * Number(hours ?? 0) + Number(minutes ?? 0);
  need(apart <= 14 * 60 && Number(minutes ?? 0) < 60, "no zone");
  const part = Number(fraction.slice(0, 3).padEnd(3, "0")) + (fraction[3] >= "5" ? 1 : 0);
  const ms = start + part + (sign === "+" ? -apart : apart) * 60_000;
  need(ms >= FIRST_MS && ms <= LAST_MS, "a time out of reach");
  return ms;
}

export const claimedTimes = (values) => jsonTexts(values).flatMap((raw) => orElse(() => {
  need(raw.length <= EVENT_BYTES, "too large an event");
  const event = readJson(raw, { deepest: 64 });
  writeJson(event, exactNumber, (names) => names);
  return [eventTime(event)];
}, [])).sort((one, other) => one - other);
