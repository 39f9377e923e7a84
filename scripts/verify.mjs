#!/usr/bin/env node
// Checks a hansa proof file offline, with no code of hansa and no package: Node.js 18 or newer.
//   node scripts/verify.mjs PROOF TRUST [CONTENT]
// Written from docs/spec/ alone; each part names its clauses. Exit codes: 0 no line turned, 1 one
// did, 2 usage, 65 no proof or no trust file, 66 a file cannot be read, 70 a fault of this program.
// It judges no time-stamp, and compares no EPCIS document with the events recorded: `not checked`.
import { createHash, createHmac, createPublicKey, verify as opensslVerify } from "node:crypto";
import { readFileSync } from "node:fs";

const [SAFE, ZERO] = [2n ** 53n - 1n, Buffer.alloc(32)];
class NoProof extends Error {}
function need(holds, why) { if (!holds) throw new NoProof(why); }
/** What `make` gives; where it refuses, what `other` makes of the reason. */
function orElse(make, other, kind = NoProof) {
  try { return make(); } catch (error) {
    if (error instanceof kind) return other(error.message);
    throw error;
  }
}
const refusing = (make, why) => orElse(make, () => need(false, why), Error); // where Node.js throws
const digest = (algorithm, raw) => createHash(algorithm).update(raw).digest();
const sha256 = (...parts) => digest("sha256", Buffer.concat(parts.map((one) => Buffer.from(one))));
const tagged = (tag, payload) => sha256(`hansa/${tag}/1\0`, payload); // encoding.md 3.1
const same = (one, other) => Buffer.compare(one, other) === 0;
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = (raw) => refusing(() => strictUtf8.decode(raw), "no UTF-8");
const pairs = (flat) => flat.flatMap((one, i) => (i % 2 ? [] : [[one, flat[i + 1]]]));
// ---- JSON: objects become Maps, numbers keep their digits (proof.md 3.1)
class Num { constructor(digits) { this.digits = digits; } }
/** The value of a JSON text: Node.js judges the grammar, so that only tokens are left to read. */
function readJson(raw) {
  const text = utf8(raw);
  refusing(() => JSON.parse(text), "no JSON text");
  const tokens = text.match(/"[^"\\]*(?:\\.[^"\\]*)*"|[-+.0-9eE]+|true|false|null|[[\]{}]/g);
  let at = 0;
  const value = (depth) => {
    const token = tokens[at++];
    need(depth < 128, "nested too deep");
    if (token !== "[" && token !== "{") {
      const plain = JSON.parse(token);
      need(typeof plain !== "number" || Number.isFinite(plain), "beyond a double");
      need(!/\p{Surrogate}/u.test(plain), "half of a surrogate pair");
      return typeof plain === "number" ? new Num(token) : plain;
    }
    const items = [];
    while (tokens[at] !== "]" && tokens[at] !== "}") items.push(value(depth + 1));
    at += 1;
    if (token === "[") return items;
    const found = new Map(pairs(items));
    need(2 * found.size === items.length, "a name stands twice in one object");
    return found;
  };
  return value(0);
}
/** The RFC 8785 text of a JSON value. */
function writeJson(value) {
  if (value instanceof Num) return String(Number(value.digits));
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const member = (name) => `${JSON.stringify(name)}:${writeJson(value.get(name))}`;
  return `{${[...value.keys()].sort().map(member).join(",")}}`;
}
// ---- Canonical MessagePack; whole numbers are BigInts (encoding.md 1, 2)
const KINDS = { // first lead byte and count of the short forms, of the long ones and their widths
  uint: [0x00, 128, 0xcc, [1, 2, 4, 8]], map: [0x80, 16, 0xde, [2, 4]],
  list: [0x90, 16, 0xdc, [2, 4]], text: [0xa0, 32, 0xd9, [1, 2, 4]],
  bytes: [0xc4, 0, 0xc4, [1, 2, 4]],
};
/** The one spelling of a number, or of a size before what it counts. */
function head(kind, n) {
  const [short, count, long, widths] = KINDS[kind];
  if (n < count) return Buffer.from([short + Number(n)]);
  const form = widths.findIndex((width) => n < 256n ** BigInt(width));
  const digits = n.toString(16).padStart(2 * widths[form], "0");
  return Buffer.from((long + form).toString(16) + digits, "hex");
}
function pack(value) {
  if (typeof value === "bigint") return head("uint", value);
  if (Array.isArray(value)) return Buffer.concat([head("list", value.length), ...value.map(pack)]);
  const raw = Buffer.from(value);
  return Buffer.concat([head(Buffer.isBuffer(value) ? "bytes" : "text", raw.length), raw]);
}
function unpack(raw) {
  let at = 0;
  const take = (n) => (need(n <= raw.length - at, "the bytes are cut"),
    raw.subarray(at, (at += Number(n))));
  const uint = (width) => BigInt(`0x${take(width).toString("hex")}`);
  const negative = (bits, n = BigInt.asIntN(bits, uint(bits / 8))) =>
    (need(n < -32n && BigInt.asIntN(bits / 2, n) !== n, "another spelling of a number"), n);
  const list = (n, depth) => (need(depth < 16 && n <= raw.length - at, "nested too deep, or cut"),
    Array.from({ length: Number(n) }, () => value(depth + 1)));
  const map = (n, depth) => {
    const found = pairs(list(2n * n, depth));
    need(found.every(([key], i) => typeof key === "string" && /^[\0-\x7f]*$/.test(key) &&
      (!i || found[i - 1][0] < key)), "keys are ASCII, each once, in order");
    return new Map(found);
  };
  const readers = { uint: (n) => n, bytes: take, text: (n) => utf8(take(n)), list, map };
  const value = (depth) => {
    const [start, lead] = [at, take(1)[0]];
    if (lead === 0xc0) return null;
    if (lead === 0xc2 || lead === 0xc3) return lead === 0xc3;
    if (lead >= 0xe0) return BigInt(lead - 256);
    if (lead >= 0xd0 && lead <= 0xd3) return negative(8 << (lead - 0xd0));
    const [kind, [short, count, long, widths]] = Object.entries(KINDS).find(([, [a, b, c, d]]) =>
      (lead >= a && lead < a + b) || (lead >= c && lead < c + d.length)) ?? ["", []];
    need(kind, "a type that does not occur");
    const n = lead < short + count ? BigInt(lead - short) : uint(widths[lead - long]);
    need(n < 2n ** 63n && same(head(kind, n), raw.subarray(start, at)), "another spelling");
    return readers[kind](n, depth);
  };
  const found = value(0);
  need(at === raw.length, "trailing bytes");
  return found;
}
// ---- Readers: each gives what it reads, or refuses
const check = (holds, why) => (v) => (need(holds(v), why), v);
const like = (form) => check((v) => typeof v === "string" && form.test(v), `not like ${form}`);
const bytes = (low, high = low) => check((v) =>
  Buffer.isBuffer(v) && v.length >= low && v.length <= high, `not ${low} to ${high} bytes`);
const int = (low, high) => (v) => {
  const n = v instanceof Num && /^-?[0-9]+$/.test(v.digits) ? BigInt(v.digits) : v;
  need(typeof n === "bigint" && n >= low && n <= high, `no number from ${low} to ${high}`);
  return n;
};
const list = (reader, low, high) => (v) => (need(Array.isArray(v) && v.length >= low &&
  v.length <= high, `no list of ${low} to ${high}`), v.map((one) => reader(one)));
const base64 = (reader) => (v) => (need(typeof v === "string" &&
  Buffer.from(v, "base64").toString("base64") === v, "base64"), reader(Buffer.from(v, "base64")));
/** An array of just these fields; the bytes of such an array; a JSON object of just these. */
const row = (fields) => (v) => {
  need(Array.isArray(v) && v.length === fields.length, "another number of fields");
  return Object.fromEntries(fields.map(([name, reader], i) => [name, reader(v[i])]));
};
const struct = (fields) => (raw) => ({ ...row(fields)(unpack(raw)), raw });
const section = (fields) => (v) => {
  need(v instanceof Map && [...v.keys()].every((key) => fields.some(([name]) => name === key)) &&
    fields.every(([name, , optional]) => optional || v.has(name)), "other fields");
  return Object.fromEntries(fields.map(([name, reader]) =>
    [name, v.has(name) ? reader(v.get(name)) : null]));
};
const TYPES = {
  uint: int(0n, 2n ** 63n - 1n), whole: int(0n, SAFE), positive: int(1n, SAFE),
  version: int(1n, 1n), json: (v) => v, bool: check((v) => v === true || v === false, "no boolean"),
  text: like(/^/), bytes: bytes(0, Infinity), nonce: bytes(16), hash: bytes(32), key: bytes(33),
  signature: bytes(64), signed_bytes: bytes(0, 2 ** 18), token: bytes(1, 2 ** 14),
  der: bytes(1, 2 ** 13), hex: like(/^[0-9a-f]{64}$/), state_key: like(/^[^]{1,512}$/u),
  name: like(/^[a-z0-9][a-z0-9._-]{0,63}$/), field_name: like(/^[A-Za-z0-9_@$.:-]{1,64}$/),
  alg: like(/^(sha-256|sm3)$/), shown: like(/^[^\0-\x1f\x7f]{1,200}$/u),
  witness: like(/^[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/),
  key_text: (v) => Buffer.from(`01${like(/^ed25519:[0-9a-f]{64}$/)(v).slice(8)}`, "hex"),
  proof_format: like(/^hansa\/proof@1$/), trust_format: like(/^hansa\/trust@1$/),
  set: (raw) => validatorSet(TYPES.members(raw).members),
};
/** Define types by their fields, `name:type`; without a type it is that of the same name. `name?`
 * may be left out, `@type` is base64 of it, `type[1-9]` a list of 1 to 9, `type/` one or null,
 * `0..3` a whole number from 0 to 3. */
function define(make, shapes) {
  const reader = (type) => {
    const [, wire, low, high, named, least, most, nullable] =
      /^(@?)(?:(-?\d+)\.\.(\d+)|(\w+))(?:\[(\d+)-(\d*)\])?(\/?)$/.exec(type);
    const plain = named ? TYPES[named] : int(BigInt(low), BigInt(high));
    const one = wire ? base64(plain) : plain;
    const all = least ? list(one, Number(least), Number(most || Infinity)) : one;
    return nullable ? (v) => (v === null ? null : all(v)) : all;
  };
  for (const shape of shapes.split(";")) {
    const [title, ...fields] = shape.trim().split(/\s+/);
    TYPES[title] = make(fields.map((field) => {
      const [, name, optional, type] = /^(\w+)(\??):?(.*)$/.exec(field);
      return [name, reader(type || name), optional !== ""];
    }));
  }
}
define(row, // ledger.md 1, 2 and 4, consensus.md 2 and 4, state.md 4
  `call contract:name method:name args:bytes; event name value:bytes; voter name member:name key;
  change key:state_key before:uint after:uint; step occupied:0..65535 siblings:bytes;
  result result:bytes events:event[0-] changes:change[0-]`);
define(struct,
  `header version chain_id:name suite:version epoch:uint height:uint time:uint parent:hash
    primary:text txs_root:hash state_root:hash log_root:hash log_size:uint validators_hash:hash
    next_validators_hash:hash last_certificate:hash last_view:uint parameters_version:uint;
  certificate phase:3..3 epoch:uint height:uint view:uint block_hash:hash bitmap:bytes
    signatures:signature[0-100]; members members:voter[1-100];
  fresh height:uint block_hash:hash state_root:hash bitmap:bytes times:uint[0-100]
    signatures:signature[0-100]; signed body:bytes signatures:signature[0-16];
  body version chain_id:name type:0..3 calls:call[1-256] nonce expires_at:uint signers:key[0-16];
  receipt tx_id:hash tx_hash:hash height:uint index:uint code:text failed_call:-1..255 error:bytes
    calls:result[0-]; path steps:step[0-64] page:bytes`);
const COMMON = `kind:text chain_id:name validators:@set changes:change[0-1000] fresh:@fresh/
  time?:stamp[1-4] member? reveal?`;
define(section, // proof.md 2 to 4, 10 to 12
  `block version header:@header certificate:@certificate; inclusion version index:whole
    size:positive path:@hash[0-63];
  change version header:@header certificate:@certificate validators:@set;
  record version key:state_key value:@bytes/ path:@path; stamp version sha256:hex token:@token;
  of_transaction version tx_id:hex height:whole;
  of_state version key:state_key height:whole present:bool;
  member version alg digest:@hash index:0..1048575 size:1..1048576 path:@hash[0-20];
  field name:field_name value:json salt:@hash index:0..1023 path:@hash[0-10];
  reveal version size:1..1024 fields:field[1-64];
  transaction format:proof_format ${COMMON} statement:of_transaction block head:block/
    transaction:@signed_bytes receipt:@receipt inclusion keys:record[0-32] records:record[0-16];
  state format:proof_format ${COMMON} statement:of_state head:block record;
  checkpoint height:whole block_hash:hex epoch:whole; validator name member:name key:key_text;
  organisation name title?:shown/ legal_id?:shown/;
  trust format?:trust_format chain_id:name checkpoint validators:validator[1-100]
    organisations?:organisation[0-] time_authorities?:@der[0-32] witnesses?:witness[0-64]`);

/** A validator set in the order of names, with its quorum and hash (consensus.md 2). */
function validatorSet(members) {
  const [n, rows] = [members.length, members.map(({ name, member, key }) => [name, member, key])];
  need(rising(members) && distinct(rows.map(([, , key]) => key)), "names and keys once, in order");
  const quorum = Math.ceil((n + Math.floor((n - 1) / 3) + 1) / 2);
  return { members, quorum, hash: tagged("validators", pack([rows])) };
}
const rising = (all) => all.every(({ name }, i) => !i || all[i - 1].name < name);
const distinct = (keys) => new Set(keys.map((key) => key.toString("hex"))).size === keys.length;
// ---- Signatures as libsodium judges them: it refuses more than OpenSSL does (encoding.md 4.3)
const P = 2n ** 255n - 19n;
const EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL = [0n, 1n, P - 1n, EIGHT, P - EIGHT, P, P + 1n]; // y of points of small order
const DER = Buffer.from("302a300506032b6570032100", "hex");
export function holds(key, message, given) { // 33, any number of, 64 bytes
  const y = (raw) => BigInt.asUintN(255, BigInt(`0x${Buffer.from(raw).reverse().toString("hex")}`));
  const [point, start] = [y(key.subarray(1)), y(given.subarray(0, 32))];
  if (key[0] !== 1 || point >= P || SMALL.includes(point) || SMALL.includes(start)) return false;
  const der = { key: Buffer.concat([DER, key.subarray(1)]), format: "der", type: "spki" };
  return orElse(() => opensslVerify(null, message, createPublicKey(der), given), () => 0, Error);
}
/** Exactly a quorum of signatures, all good (consensus.md 4.1); `fields` is what one signed. */
function checkQuorum({ bitmap, signatures, times }, { members, quorum }, tag, fields) {
  const signers = [...members.keys()].filter((i) => (bitmap[i >> 3] >> (i & 7)) & 1);
  const beyond = bitmap.at(-1) >> (((members.length - 1) & 7) + 1);
  need(bitmap.length === (members.length + 7) >> 3 && beyond === 0 && [signers, signatures,
    times ?? signers].every((all) => all.length === quorum), `not exactly ${quorum} signers`);
  signers.forEach((signer, i) => need(holds(members[signer].key,
    tagged(tag, pack(fields(BigInt(signer), i))), signatures[i]), `a wrong ${tag} signature`));
}
/** Whether an entry stands in a tree of the log's form (log.md 1.4; RFC 9162, 2.1.3.2). */
function inLog(entry, { index, size, path }, root) {
  let [at, last, found] = [index, size - 1n, sha256("\0", entry)];
  for (const sibling of path) {
    if (last === 0n) return false;
    const right = at % 2n === 1n || at === last;
    found = right ? sha256("\x01", sibling, found) : sha256("\x01", found, sibling);
    while (right && at % 2n === 0n && at > 0n) [at, last] = [at / 2n, last / 2n];
    [at, last] = [at / 2n, last / 2n];
  }
  return index < size && last === 0n && same(found, root);
}
/** Refuse a record that the state does not hold, or lack, as given (state.md 4). The order of a
 * page's entries, and that they belong there, is fixed by its hash. */
function checkRecord({ key, value, path: { steps, page } }, { height, state_root: root }) {
  const nibbles = sha256(key).toString("hex");
  let [found, fits] = [page.length ? tagged("state-page", page) : ZERO, true];
  for (const [depth, { occupied, siblings }] of [...steps.entries()].reverse()) {
    const own = parseInt(nibbles[depth], 16);
    const places = [...Array(16).keys()].filter((n) => (occupied >> BigInt(n)) & 1n);
    const given = places.map((_, i) => siblings.subarray(32 * i, 32 * i + 32));
    fits &&= siblings.length === 32 * places.length && !places.includes(own) &&
      !given.some((one) => same(one, ZERO));
    const child = (n) => (n === own ? found : given[places.indexOf(n)] ?? ZERO);
    found = tagged("state-node", Buffer.concat([...Array(16).keys()].map(child)));
  }
  const entries = page.toString("hex").match(/.{128}/g) ?? [];
  const entry = entries.find((one) => one.startsWith(nibbles))?.slice(64);
  const wanted = value ? tagged("state-value", value).toString("hex") : undefined;
  need(fits && same(found, root) && entry === wanted, `not so in the state of ${height}: ${key}`);
}
// ---- What a file must be before a line is judged (proof.md 2 to 5)
function readTrust(raw) {
  need(raw.length <= 2 ** 20, "too large a trust file");
  const trust = TYPES.trust(readJson(raw));
  const members = trust.validators.sort((one, two) => (one.name < two.name ? -1 : 1));
  return { ...trust, set: validatorSet(members) };
}
function readProof(raw) {
  need(raw.length <= 2 ** 23, "too large a proof");
  const json = readJson(raw);
  need(same(Buffer.from(writeJson(json)), raw), "not the RFC 8785 text of its value");
  const kind = json instanceof Map ? json.get("kind") : null;
  need(kind === "transaction" || kind === "state", "no such kind of proof");
  const proof = TYPES[kind](json);
  const { statement, changes, record, time, reveal, chain_id: chain } = proof;
  if (kind === "transaction") fitTransaction(proof);
  else need(statement.key === record.key && statement.present === (record.value !== null), "parts");
  proof.block ??= proof.head;
  proof.head ??= proof.block;
  need(statement.height === proof.block.header.height, "the statement names another height");
  need((time ?? []).every((one) => sha256(one.token).toString("hex") === one.sha256), "a token");
  need(rising(reveal?.fields ?? []), "fields stand in order, each once");
  proof.links = [...changes, proof.block, proof.head];
  for (const { header, certificate } of proof.links) {
    header.hash = tagged("block", header.raw);
    need(header.chain_id === chain && certificate.height === header.height && certificate.epoch ===
      header.epoch && same(certificate.block_hash, header.hash), "another block's certificate");
  }
  const heights = changes.map(({ header }) => header.height);
  need(heights.every((height, i) => height <= proof.head.header.height &&
    (!i || heights[i - 1] < height)), "changes stand in order, up to the head");
  return proof;
}
/** Decode the transaction, and refuse what does not belong to it (4.2 to 4.8). */
function fitTransaction(proof) {
  const { block: { header }, head, receipt, statement, keys, records } = proof;
  proof.signed = TYPES.signed(proof.transaction);
  proof.body = TYPES.body(proof.signed.body);
  const { signers, type, chain_id: chain } = proof.body;
  need(signers.length === proof.signed.signatures.length, "a signature for each signer");
  need(distinct(signers) && (signers.length > 0 || type === 3n), "signers, each once");
  const txId = tagged("tx-id", proof.signed.body);
  need(same(txId, receipt.tx_id) && statement.tx_id === txId.toString("hex") && receipt.height ===
    header.height && chain === proof.chain_id, "the parts do not belong together");
  const ids = signers.map((key) => `org/key/${tagged("key-id", key).toString("hex", 0, 8)}`);
  need(keys.length >= ids.length && keys.every(({ key }, i) =>
    (i < ids.length ? key === ids[i] : key.startsWith("org/member/"))), "other key records");
  const changed = receipt.calls.flatMap(({ changes }) => changes.map(({ key }) => key));
  const named = [...new Set(changed)].sort((one, two) => isThing(one) - isThing(two)).slice(0, 16);
  need(same(pack(records.map(({ key }) => key)), pack(named)), "other records");
  need(!head || head.header.height > receipt.height, "a head below the block");
}
/** The sets in force, each up to a height; refuse a file that contradicts itself (5.1 to 5.3). */
function checkChain({ validators: first, changes, links, chain_id: chain }) {
  let [set, epoch] = [first, links[0].header.epoch];
  const reigns = changes.map(({ header, validators }) => {
    need(same(validators.hash, header.next_validators_hash) &&
      !same(validators.hash, header.validators_hash), "a change to another set, or to its own");
    const reign = { set, epoch, last: header.height };
    [set, epoch] = [validators, epoch + 1n];
    return reign;
  });
  reigns.push({ set, epoch, last: Infinity });
  for (const { header, certificate: { epoch: own, height, view, phase, ...more } } of links) {
    const { set: { hash }, ...reign } = reignAt(reigns, height);
    need(same(header.validators_hash, hash) && header.epoch === reign.epoch, "another set signed");
    need(same(hash, header.next_validators_hash) || changes.some((change) =>
      same(change.header.hash, header.hash)), "a change of the set is left out");
    checkQuorum(more, reignAt(reigns, height).set, "vote",
      (signer) => [chain, own, height, view, phase, header.hash, signer]);
  }
  return reigns;
}
const reignAt = (reigns, height) => reigns.find(({ last }) => height <= last);
/** Refuse a file that the trust file does not lead to (5.4). */
function checkTrust(proof, reigns, { chain_id: chain, checkpoint, set }) {
  need(chain === proof.chain_id, `another chain: your trust file is for ${chain}`);
  const start = reigns.findIndex((reign) =>
    same(reign.set.hash, set.hash) && reign.epoch === checkpoint.epoch);
  need(start >= 0, "signed by validators that your trust file does not lead to");
  for (const { header: { height, hash, parent } } of proof.links) {
    const above = height - checkpoint.height;
    const trusted = above === 0n ? hash : above === 1n ? parent : null;
    need(!trusted || trusted.toString("hex") === checkpoint.block_hash, "not your trusted block");
  }
  const reign = reignAt(reigns, proof.block.header.height);
  need(reigns.indexOf(reign) >= start, "older than your trust file");
}
// ---- Line 1: is the reader's file the one recorded (6.1, 11, 12)?
const SAME_FILE = ["ok", "the file you hold is the one recorded"];
const isHash = (value) => Buffer.isBuffer(value) && value.length === 32;
const isMap = (value) => value instanceof Map;
const aMap = check(isMap, "no map");
const inside = (value) => (isMap(value) ? [...value.values()] : Array.isArray(value) ? value : []);
const all = (value) => [value, ...inside(value).flatMap(all)];
const word = (value) => (typeof value === "string" ? value : "");
function contentLine(values, content, { member, reveal }) {
  const under = (root, entry, place) => Buffer.isBuffer(root) && inLog(entry, place, root);
  need(!member || values.filter(isMap).some((one) => one.get("count") === member.size &&
    under(one.get("root"), member.digest, member)), "not in the batch that was recorded");
  for (const { name, value, salt, ...place } of reveal?.fields ?? []) {
    const commitment = createHmac("sha256", salt).update(writeJson(value)).digest("hex");
    const [entry, where] = [JSON.stringify([name, commitment]), { ...place, size: reveal.size }];
    need(values.filter(isMap).some((one) => under(one.get("seal"), entry, where)), name);
  }
  if (content !== null) return compare(values.flatMap(all), member, content);
  return reveal ? ["ok", "the fields are as they were sealed"] : ["not given", "no file given"];
}
function compare(recorded, member, content) {
  const own = (map) => [word(map.has("alg") ? map.get("alg") : "sha-256"), map.get("digest")];
  const digests = (member ? [[member.alg, member.digest]] : recorded.filter(isMap).map(own))
    .filter(([alg, given]) => /^(sha-256|sm3)$/.test(alg) && isHash(given));
  const matches = ([alg, given]) => orElse(() => // not every OpenSSL has SM3
    same(given, digest(alg.replace("-", ""), content)), () => false, Error);
  const raws = recorded.filter(Buffer.isBuffer);
  const whole = content.length > 0 && raws.some((raw) => same(raw, content));
  if (digests.length ? digests.some(matches) : whole) return SAME_FILE;
  const texts = digests.length ? [] : raws.filter((raw) => raw[0] === 0x7b || raw[0] === 0x5b);
  if (texts.length && content.includes('"epcisBody"')) return ["not checked", "an EPCIS document"];
  const [spelled, mine] = orElse(() => spellings(texts, content), () => [[""], []]);
  const held = spelled.length > 0 && spelled.every((one) => mine.includes(one));
  need(held, "the file you hold is not the one recorded");
  return new Set(spelled).size === new Set(mine).size ? SAME_FILE
    : ["attention", "the file you hold contains what was recorded, and more"];
}
/** RFC 8785 texts: of the recorded, and of the reader's file and all objects in it. */
function spellings(texts, content) {
  const [document, recorded] = [readJson(content), texts.map((raw) => writeJson(readJson(raw)))];
  const objects = [document, ...all(document).filter(isMap)].map((one) => writeJson(one));
  return [recorded, recorded.every((one) => one === objects[0]) ? recorded : objects];
}
// ---- Lines 2 to 6: what is not met turns the line (6.2 to 6.6)
const isThing = (key) => key.startsWith("trace/thing/");
const fieldsOf = ({ value }) => orElse(() => aMap(unpack(value ?? ZERO)), () => new Map());
const number = (value) => (typeof value === "bigint" ? value : 0n);
const utc = (ms) => (ms < 253402300800000n ? new Date(Number(ms)).toISOString() : `${ms} ms`);
const worst = (judged) => judged.find(([verdict]) => verdict === "attention")?.[0] ?? "ok";
const wordsOf = (judged) => judged.map(([, words]) => words).join("; ");
const wrongSigners = ({ body, signed }) => body.signers.filter((key, i) =>
  !holds(key, tagged("tx-sign", signed.body), signed.signatures[i]));
function onChainLine(proof) {
  const { block: { header, certificate: { signatures } }, transaction, receipt, inclusion } = proof;
  if (transaction) {
    need(inclusion.size === header.log_size && inLog(receipt.raw, inclusion, header.log_root),
      `the receipt is not in the log of height ${header.height}`);
    need(same(tagged("tx-hash", transaction), receipt.tx_hash) || wrongSigners(proof).length,
      `height ${header.height} holds it with other signatures`);
    need(receipt.code === "OK", `refused with ${receipt.code}: it changed nothing`);
  }
  return ["ok", `height ${header.height}, ${utc(header.time)}, ${signatures.length} validators`];
}
function signersLine(proof) {
  const { body, keys, head, block: { header } } = proof;
  if (!body) return ["not given", "a proof of the state names no signer"];
  need(wrongSigners(proof).length === 0, "a signature is wrong");
  keys.forEach((given) => checkRecord(given, head.header));
  const judged = body.signers.map((key, i) => {
    const fields = fieldsOf(keys[i]);
    const [known, subject] = [fields.get("public"), fields.get("subject")];
    if (!Buffer.isBuffer(known) || !same(known, key)) return ["attention", "an unknown key"];
    const who = word(subject) || word(fields.get("member"));
    const [start, end, doubted] = ["valid_from", "valid_to", "compromised_since"]
      .map((name) => number(fields.get(name)));
    need(start <= header.height && (end <= 0n || end > header.height), `${who}, key not valid`);
    return doubted && doubted <= header.time ? ["attention", `${who}, key reported as compromised`]
      : ["ok", `${who}, key valid at that height`];
  });
  return [worst(judged), wordsOf(judged) || "the chain itself: what was due at that time"];
}
function nowLine({ fresh, record, records, block, chain_id: chain, head: { header } }, reigns) {
  if (fresh) {
    const { height, block_hash: hash, state_root: root, times } = fresh;
    need(height === header.height && same(hash, header.hash) && same(root, header.state_root),
      "the freshness certificate is of another block");
    checkQuorum(fresh, reignAt(reigns, header.height + 1n).set, "fresh",
      (signer, i) => [chain, height, hash, root, times[i], signer]);
  }
  for (const given of records ?? [record]) checkRecord(given, header);
  const judged = (records ?? [record]).filter(({ key, value }) => (record ? value : !isThing(key)))
    .map((given) => standing(given, block.header.height));
  const age = fresh ? `nothing newer at ${utc(fresh.times[0])}` : "no freshness certificate given";
  const words = wordsOf(judged) || (record ? `nothing under ${record.key}` : "no such record");
  return [fresh ? worst(judged) : "attention", `${words}, as of height ${header.height}, ${age}`];
}
/** Whether a record stands as it did after a height (6.5). */
function standing(given, height) {
  const fields = fieldsOf(given);
  const [state, history] = [word(fields.get("state")), fields.get("history")];
  const last = number(history?.at?.(-1)?.[0]); // the height of the newest entry
  const ended = /^(superseded|withdrawn|declined|revoked|suspended|retired|frozen)$/.test(state);
  const moved = last > height && (state === "" || isThing(given.key));
  const why = given.value === null ? "removed" : ended ? state
    : fields.get("wrong") === true ? "declared wrong" : moved ? "changed" : "";
  return why ? ["attention", `${given.key}: ${why}`] : ["ok", `${given.key} stands`];
}
/** What is said of a proof: {exit, lines} or {exit, why}; a line is its name, verdict, words. */
export function verdictOn(proofBytes, trustBytes, content = null) {
  try {
    const [trust, proof] = [readTrust(trustBytes), readProof(proofBytes)];
    const reigns = checkChain(proof);
    const recorded = (proof.body?.calls.map(({ args }) => args) ?? [proof.record.value])
      .filter((raw) => raw).map((raw) => orElse(() => unpack(raw), () => raw));
    const turned = (make) => orElse(make, (why) => ["fail", why]);
    const distrust = turned(() => checkTrust(proof, reigns, trust));
    const line = (make) => (distrust ? ["not checked", "line 2 did not hold"] : turned(make));
    const lines = [
      ["content", ...turned(() => contentLine(recorded, content, proof))],
      ["on_chain", ...distrust ?? turned(() => onChainLine(proof))],
      ["signers", ...line(() => signersLine(proof))],
      ["time", ...line(() => [proof.time ? "attention" : "ok",
        `chain time ${utc(proof.block.header.time)}; time-stamps are not checked here`])],
      ["now", ...line(() => nowLine(proof, reigns))],
      ["not_proven", "info", "that what was recorded is true outside of the chain"],
    ];
    return { exit: lines.some(([, verdict]) => verdict === "fail") ? 1 : 0, lines };
  } catch (error) {
    return error instanceof NoProof ? { exit: 65, why: error.message }
      : { exit: 70, why: `a fault of this program: ${error.stack}` };
  }
}
if (!globalThis.verifierImported) { // the command; a program that imports this file says so
  const files = process.argv.slice(2);
  const { exit, lines = [], why } = files.length < 2 || files.length > 3
    ? { exit: 2, why: "verify.mjs PROOF TRUST [CONTENT]" }
    : orElse(() => verdictOn(...files.map((path) => readFileSync(path))),
      (error) => ({ exit: 66, why: error }), Error);
  for (const [name, verdict, words] of lines) console.log(`${name}: [${verdict}] ${words}`);
  if (why) console.error(`not verified: ${why}`);
  process.exitCode = exit;
}
