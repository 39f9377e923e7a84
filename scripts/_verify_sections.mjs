// Sections of proof and trust files for verify.mjs: objects with just these fields, each read by its
// reader (proof.md 2 to 4, 10 to 12). No code of hansa.

import { Num, SAFE, hexHash, need, same, sha256 } from "./_verify_forms.mjs";

export const section = (fields, optional = []) => (v) => {
  need(v instanceof Map, "no object");
  const names = Object.keys(fields);
  need([...v.keys()].every((given) => names.includes(given)), "an unknown field");
  need(names.every((field) => v.has(field) || optional.includes(field)), "a field is missing");
  const read = (field) => (v.has(field) ? fields[field](v.get(field)) : null);
  return Object.fromEntries(names.map((field) => [field, read(field)]));
};
export const that = (check) => (v) => {
  check(v);
  return v;
};
export const only = (wanted) => that((v) => need(v === wanted, `not ${wanted}`));
export const list = (reader, low, high) => (v) => {
  need(Array.isArray(v) && v.length >= low && v.length <= high, "no list of such a length");
  return v.map((item) => reader(item));
};
export const orNull = (reader) => (v) => (v === null ? null : reader(v));
export const whole = (low = 0, high = SAFE) => (v) => {
  need(v instanceof Num && /^-?[0-9]+$/.test(v.digits), "no whole number");
  const n = Number(v.digits);
  need(n >= low && n <= high, "a number out of its range");
  return n;
};
export const base64 = (v) => {
  need(typeof v === "string", "no base64");
  const raw = Buffer.from(v, "base64");
  need(raw.toString("base64") === v, "base64 that has another spelling");
  return raw;
};
export const sibling = (v) => {
  const raw = base64(v);
  need(raw.length === 32, "no hash");
  return raw;
};
export const version = whole(1, 1);
export const like = (pattern) => that((v) =>
  need(typeof v === "string" && pattern.test(v), "no such text"));
export const sizedBase64 = (most) => (v) => {
  const raw = base64(v);
  need(raw.length >= 1 && raw.length <= most, "no such number of bytes");
  return raw;
};

// What a proof may carry beside the chain's own parts.

const stamp = section({ version, sha256: that(hexHash), token: sizedBase64(2 ** 14) });
const member = section({
  version, alg: like(/^(sha-256|sm3)$/), digest: sibling, index: whole(0, 2 ** 20 - 1),
  size: whole(1, 2 ** 20), path: list(sibling, 0, 20),
});
const field = section({
  name: like(/^[A-Za-z0-9_@$.:-]{1,64}$/), value: (v) => v, salt: sibling,
  index: whole(0, 1023), path: list(sibling, 0, 10),
});
const reveal = section({ version, size: whole(1, 1024), fields: list(field, 1, 64) });
export const extras = {
  time: (v) => list(stamp, 1, 4)(v).map((one) => {
    need(same(sha256(one.token), Buffer.from(one.sha256, "hex")), "a time-stamp is another one");
    return one.token;
  }),
  member,
  reveal: (v) => {
    const found = reveal(v);
    const names = found.fields.map((one) => one.name);
    need(names.every((one, i) => !i || names[i - 1] < one), "fields stand in order, each once");
    return found;
  },
};
