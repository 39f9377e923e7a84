// The forms of a proof's parts, for verify.mjs: JSON, canonical MessagePack and its structs,
// signatures and certificates, the paths of the log and of the state. No code of hansa.

import { createHash, createPublicKey, verify as opensslVerify } from "node:crypto";

export const VALIDATORS = 100;
export const SAFE = Number.MAX_SAFE_INTEGER;
const ZERO = Buffer.alloc(32);

export class NoProof extends Error {}
export const need = (holds, why) => {
  if (!holds) throw new NoProof(why);
};
/** What `make` gives; `other` where the input is refused. */
export const orElse = (make, other) => {
  try {
    return make();
  } catch (error) {
    if (error instanceof NoProof) return other;
    throw error;
  }
};
/** What `make` gives; a refusal where a library throws at the input. */
const refusing = (make, why) => {
  try {
    return make();
  } catch {
    throw new NoProof(why);
  }
};
export const digest = (algorithm, ...parts) =>
  parts.reduce((hash, part) => hash.update(part), createHash(algorithm)).digest();
export const sha256 = (...parts) => digest("sha256", ...parts);
export const tagged = (tag, payload) => sha256(`hansa/${tag}/1\0`, payload);
export const same = (one, other) => Buffer.compare(one, other) === 0;
const exact = (n) => (n >= -SAFE && n <= SAFE ? Number(n) : n); // bigint only where it must be
export const after = (n) => exact(BigInt(n) + 1n);
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
export const utf8 = (raw) => refusing(() => strictUtf8.decode(raw), "no UTF-8");

// JSON: objects become Maps and numbers keep their digits (proof.md 3.1, epcis.md 1).

export class Num {
  constructor(digits) {
    this.digits = digits;
  }
}

/** The value of a JSON text: a platform's parser reads it with each string and number marked. */
export function readJson(raw, { deepest = 128, twice = false } = {}) {
  const text = utf8(raw);
  refusing(() => JSON.parse(text), "no JSON text");
  let names = 0;
  const token = /"([^"\\]*(?:\\.[^"\\]*)*")([ \t\n\r]*:)?|-?[0-9][0-9.eE+-]*/g;
  const marked = text.replace(token, (number, string, colon) => {
    names += colon ? 1 : 0;
    return string ? `"$${string}${colon ?? ""}` : `"#${number}"`;
  });
  const plain = (string) => {
    need(!/\p{Surrogate}/u.test(string), "half of a surrogate pair");
    return string.slice(1);
  };
  const value = (read, depth) => {
    if (typeof read === "string") return read[0] === "$" ? plain(read) : new Num(plain(read));
    if (read === null || typeof read === "boolean") return read;
    need(depth < deepest, "nested too deep");
    if (Array.isArray(read)) return read.map((one) => value(one, depth + 1));
    const members = Object.entries(read).map(([name, one]) => [plain(name), value(one, depth + 1)]);
    names -= members.length;
    return new Map(members);
  };
  const found = value(JSON.parse(marked), 0);
  need(twice || names === 0, "a name stands twice in one object");
  return found;
}

/** The compact JSON text of a value; `number` writes numbers, `order` sorts names. */
export function writeJson(value, number, order, depth = 0) {
  need(depth < 128, "nested too deep");
  if (value instanceof Num) return number(value.digits);
  const inner = (one) => writeJson(one, number, order, depth + 1);
  if (Array.isArray(value)) return `[${value.map(inner).join(",")}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const names = order([...value.keys()]);
  return `{${names.map((name) => `${JSON.stringify(name)}:${inner(value.get(name))}`).join(",")}}`;
}

/** The RFC 8785 text: numbers of ECMAScript, names in the order of UTF-16. */
export const canonical = (value) => writeJson(value, ecmaNumber, (names) => names.sort());
const ecmaNumber = (digits) => {
  need(Number.isFinite(Number(digits)), "beyond a double");
  return String(Number(digits));
};

// Canonical MessagePack (encoding.md 1 and 2): whatever is not the one spelling is refused.

export function unpack(raw, deepest = 16) {
  let at = 0;
  const take = (n) => {
    need(n <= raw.length - at, "the bytes are cut");
    at += n;
    return raw.subarray(at - n, at);
  };
  const big = (width) => BigInt(`0x${take(width).toString("hex")}`);
  const list = (n, depth) => {
    need(depth < deepest && n <= raw.length - at, "too deep, or cut");
    return Array.from({ length: n }, () => value(depth + 1));
  };
  const map = (n, depth) => {
    const flat = list(2 * n, depth);
    const found = new Map(Array.from({ length: n }, (_, i) => [flat[2 * i], flat[2 * i + 1]]));
    const keys = [...found.keys()];
    need(keys.every((key) => typeof key === "string" && /^[\0-\x7f]*$/.test(key)), "no ASCII key");
    need(keys.length === n && keys.every((key, i) => !i || keys[i - 1] < key), "keys out of order");
    return found;
  };
  const value = (depth) => {
    const lead = take(1)[0];
    const width = (first) => 2 ** (lead - first);
    if (lead < 0x80) return lead;
    if (lead < 0x90) return map(lead & 15, depth);
    if (lead < 0xa0) return list(lead & 15, depth);
    if (lead < 0xc0) return utf8(take(lead & 31));
    if (lead >= 0xe0) return lead - 256;
    if (lead >= 0xdc) return (lead < 0xde ? list : map)(Number(big(lead % 2 ? 4 : 2)), depth);
    if (lead >= 0xd9) return utf8(take(Number(big(width(0xd9)))));
    if (lead >= 0xd0 && lead <= 0xd3) {
      return exact(BigInt.asIntN(8 * width(0xd0), big(width(0xd0))));
    }
    if (lead >= 0xcc && lead <= 0xcf) return exact(big(width(0xcc)));
    if (lead >= 0xc4 && lead <= 0xc6) return take(Number(big(width(0xc4))));
    need(lead === 0xc0 || lead === 0xc2 || lead === 0xc3, "a type that does not occur");
    return lead === 0xc0 ? null : lead === 0xc3;
  };
  const found = value(0);
  need(at === raw.length && same(pack(found), raw), "another spelling, or trailing bytes");
  return found;
}

function pack(value) {
  const headed = (n, below, fixed, lead, widths) => {
    if (n < below) return Buffer.from([fixed + Number(n)]);
    const form = widths.findIndex((width) => BigInt(n) < 1n << BigInt(8 * width));
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64BE(BigInt(n));
    return Buffer.concat([Buffer.from([lead + form]), eight.subarray(8 - widths[form])]);
  };
  if (value === null) return Buffer.from([0xc0]);
  if (typeof value === "boolean") return Buffer.from([value ? 0xc3 : 0xc2]);
  if (Buffer.isBuffer(value)) {
    return Buffer.concat([headed(value.length, 0, 0, 0xc4, [1, 2, 4]), value]);
  }
  if (typeof value === "string") {
    const text = Buffer.from(value);
    return Buffer.concat([headed(text.length, 32, 0xa0, 0xd9, [1, 2, 4]), text]);
  }
  if (Array.isArray(value)) {
    return Buffer.concat([headed(value.length, 16, 0x90, 0xdc, [2, 4]), ...value.map(pack)]);
  }
  if (value instanceof Map) {
    const members = [...value].flatMap(([key, one]) => [pack(key), pack(one)]);
    return Buffer.concat([headed(value.size, 16, 0x80, 0xde, [2, 4]), ...members]);
  }
  need(value < 2n ** 63n, "beyond 63 bits");
  if (value >= 0) return headed(value, 128, 0, 0xcc, [1, 2, 4, 8]);
  if (value >= -32) return Buffer.from([256 + Number(value)]);
  const form = [7n, 15n, 31n, 63n].findIndex((bits) => BigInt(value) >= -(1n << bits));
  const eight = Buffer.alloc(8);
  eight.writeBigInt64BE(BigInt(value));
  return Buffer.concat([Buffer.from([0xd0 + form]), eight.subarray(8 - 2 ** form)]);
}

// Structs: arrays, each field of which passes a check.

const int = (low, high) => (v) =>
  need((typeof v === "number" || typeof v === "bigint") && v >= low && v <= high, "no such number");
const uint = int(0, 2n ** 63n - 1n);
const text = (v) => need(typeof v === "string", "no text");
const bytes = (v) => need(Buffer.isBuffer(v), "no bytes");
const sized = (n) => (v) => need(Buffer.isBuffer(v) && v.length === n, `not ${n} bytes`);
const [hash, publicKey, signature] = [sized(32), sized(33), sized(64)];
const like = (pattern) => (v) => need(typeof v === "string" && pattern.test(v), "no such text");
export const name = like(/^[a-z0-9][a-z0-9._-]{0,63}$/);
export const hexHash = like(/^[0-9a-f]{64}$/);
export const stateKey = like(/^[^]{1,512}$/u);
const only = (wanted) => (v) => need(v === wanted, `not ${wanted}`);
const many = (check, low = 0, high = Infinity) => (v) => {
  need(Array.isArray(v) && v.length >= low && v.length <= high, "no list of such a length");
  v.forEach((one) => check(one));
};
const row = (...checks) => (v) => {
  need(Array.isArray(v) && v.length === checks.length, "another number of fields");
  checks.forEach((check, i) => check(v[i]));
};
const struct = (fields) => (raw) => {
  const found = unpack(raw);
  row(...Object.values(fields))(found);
  return { raw, ...Object.fromEntries(Object.keys(fields).map((field, i) => [field, found[i]])) };
};
export const readHeader = struct({
  version: only(1), chain_id: name, suite: only(1), epoch: uint, height: uint, time: uint,
  parent: hash, primary: text, txs_root: hash, state_root: hash, log_root: hash, log_size: uint,
  validators_hash: hash, next_validators_hash: hash, last_certificate: hash, last_view: uint,
  parameters_version: uint,
});
const signatures = many(signature, 0, VALIDATORS);
export const readCertificate = struct({
  phase: only(3), epoch: uint, height: uint, view: uint, block_hash: hash, bitmap: bytes,
  signatures,
});
export const readFresh = struct({
  height: uint, block_hash: hash, state_root: hash, bitmap: bytes,
  times: many(uint, 0, VALIDATORS), signatures,
});
export const readMembers = struct({ members: many(row(name, name, publicKey), 1, VALIDATORS) });
export const readSigned = struct({ body: bytes, signatures: many(signature, 0, 16) });
export const readBody = struct({
  version: only(1), chain_id: name, type: int(0, 3), calls: many(row(name, name, bytes), 1, 256),
  nonce: sized(16), expires_at: uint, signers: many(publicKey, 0, 16),
});
export const readReceipt = struct({
  tx_id: hash, tx_hash: hash, height: uint, index: uint, code: text, failed_call: int(-1, 255),
  error: bytes, calls: many(row(bytes, many(row(name, bytes)), many(row(stateKey, uint, uint)))),
});
export const readPath = struct({ steps: many(row(int(0, 65535), bytes), 0, 64), page: bytes });

/** A validator set: its members in the order of names, its quorum, its hash (consensus.md 2). */
export function validatorSet(members) {
  const keys = new Set(members.map(([, , key]) => key.toString("hex")));
  const rising = members.every(([one], i) => !i || members[i - 1][0] < one);
  need(rising && keys.size === members.length, "validators stand in order, names and keys once");
  const n = members.length;
  const quorum = Math.floor((n + Math.floor((n - 1) / 3) + 2) / 2);
  return { members, quorum, hash: tagged("validators", pack([members])) };
}

// Signatures as libsodium judges them (encoding.md 4.3), which refuses more than OpenSSL does.

const P = 2n ** 255n - 19n;
const EIGHT = 0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n;
const SMALL = new Set([0n, 1n, P - 1n, EIGHT, P - EIGHT, P, P + 1n]); // y of small orders
const DER = Buffer.from("302a300506032b6570032100", "hex");
const judged = new Map();

export function holds(key, message, given) {
  if (key.length !== 33 || key[0] !== 1 || given.length !== 64) return false;
  const question = Buffer.concat([key, given, message]).toString("latin1");
  if (judged.has(question)) return judged.get(question);
  const y = (raw) => BigInt.asUintN(255, BigInt(`0x${Buffer.from(raw).reverse().toString("hex")}`));
  const point = key.subarray(1);
  const odd = y(point) >= P || SMALL.has(y(point)) || SMALL.has(y(given.subarray(0, 32)));
  const der = { key: Buffer.concat([DER, point]), format: "der", type: "spki" };
  const ask = () => opensslVerify(null, message, createPublicKey(der), given);
  const found = !odd && orElse(() => refusing(ask, "no key"), false);
  if (judged.size > 10_000) judged.clear();
  judged.set(question, found);
  return found;
}

/** Refuse a certificate without exactly a quorum of good signatures (consensus.md 4).
 * `statement` gives the tag and the fields that a signer signed. */
export function checkQuorum(given, set, statement, unsigned) {
  const size = set.members.length;
  const signers = [];
  for (let i = 0; i < 8 * given.bitmap.length; i++) {
    if ((given.bitmap[i >> 3] >> (i & 7)) & 1) signers.push(i);
  }
  const proper = given.bitmap.length === (size + 7) >> 3 && signers.length === set.quorum &&
    given.signatures.length === set.quorum && signers.at(-1) < size;
  need(proper, `${signers.length} signers with ${given.signatures.length} signatures among ` +
    `${size} validators, exactly ${set.quorum} are needed`);
  const times = given.times ?? signers;
  need(times.length === signers.length, `${times.length} times, ${signers.length} signers`);
  signers.forEach((signer, i) => {
    const [member, , key] = set.members[signer];
    const [tag, fields] = statement(signer, i);
    need(holds(key, tagged(tag, pack(fields)), given.signatures[i]), unsigned(member));
  });
  return signers;
}

// The log and the state (log.md 1.4, state.md 4)

export function inLog(leaf, { index, size, path }, root) {
  let [at, last, found] = [index, size - 1, sha256("\0", leaf)];
  for (const sibling of path) {
    if (last === 0) return false;
    const right = at % 2 === 1 || at === last;
    found = right ? sha256("\x01", sibling, found) : sha256("\x01", found, sibling);
    const half = () => ([at, last] = [Math.floor(at / 2), Math.floor(last / 2)]);
    while (right && at % 2 === 0 && at > 0) half();
    half();
  }
  return index < size && last === 0 && same(found, root);
}

export function inState({ key, value, path: { steps, page } }, root) {
  const place = sha256(key);
  const nibbles = place.toString("hex");
  const entries = [];
  for (let i = 0; i < page.length; i += 64) entries.push(page.subarray(i, i + 64));
  const starts = entries.map((entry) => entry.toString("hex", 0, 32));
  const ordered = starts.every((one, i) => one.startsWith(nibbles.slice(0, steps.length)) &&
    (!i || starts[i - 1] < one));
  let fits = page.length % 64 === 0 && ordered;
  let found = page.length ? sha256("hansa/state-page/1\0", page) : ZERO;
  for (let depth = steps.length - 1; depth >= 0; depth--) {
    const [occupied, siblings] = steps[depth];
    const own = parseInt(nibbles[depth], 16);
    let at = 0;
    const children = Array.from({ length: 16 }, (_, n) =>
      (occupied >> n) & 1 ? siblings.subarray(at, (at += 32)) : ZERO);
    const empty = children.some((child, n) => (occupied >> n) & 1 && same(child, ZERO));
    fits &&= !empty && at === siblings.length && !((occupied >> own) & 1);
    children[own] = found;
    found = sha256("hansa/state-node/1\0", ...children);
  }
  const entry = entries[starts.indexOf(nibbles)];
  const wanted = value && sha256("hansa/state-value/1\0", value);
  const said = wanted ? entry !== undefined && same(entry.subarray(32), wanted) : !entry;
  return fits && same(found, root) && said;
}
