// What became of records: the words of line 5, for verify.mjs (proof.md 6.5 and 9). No code of hansa.

import { ATTENTION, OK } from "./_verify_content.mjs";
import { orElse, unpack } from "./_verify_forms.mjs";

/** What stands under a key that begins so. */
const KINDS = [
  ["org/member/", "member"],
  ["org/subject/", "subject"],
  ["org/key/", "key"],
  ["org/node/", "node"],
  ["governance/parameter/", "parameter"],
  ["governance/permission/", "permission"],
  ["governance/ballot/", "ballot"],
  ["governance/accusation/", "accusation"],
  ["trace/event/", "event"],
  ["trace/thing/", "thing"],
  ["doc/record/", "document"],
  ["doc/stamp/", "time-stamp"],
  ["doc/exhibit/", "exhibit"],
  ["doc/batch/", "batch"],
  ["profile/record/", "profile"],
  ["asset/record/", "asset"],
  ["asset/held/", "encumbrance on"],
  ["asset/unique/", "use of"],
  ["asset/paper/", "exchange of paper"],
  ["cred/issuer/", "accreditation"],
  ["cred/template/", "credential template"],
  ["cred/list/", "status list"],
  ["cred/log/", "credential log entry"],
  ["match/record/", "statement"],
  ["grant/dataset/", "dataset"],
  ["grant/agreement/", "agreement"],
  ["grant/delivery/", "delivery"],
  ["grant/use/", "use receipt"],
  ["grant/consent/", "consent"],
  ["grant/live/", "live consent"],
  ["grant/correction/", "correction"],
  ["grant/mark/", "mark"],
  ["grant/erasure/", "erasure receipt"],
];

export const isThing = (key) => key.startsWith("trace/thing/");

export const fieldsOf = ({ value }) => {
  const found = value === null ? null : orElse(() => unpack(value), null);
  return found instanceof Map ? found : new Map();
};
export const textIn = (fields, field) => (typeof fields.get(field) === "string" ? fields.get(field) : "");
export const wholeOr0 = (value) => (["number", "bigint"].includes(typeof value) ? value : 0);
export const numberIn = (fields, field) => wholeOr0(fields.get(field));

/** What stands under a key, in the words of its kind, and whether it stands as it did. */
export function held(given, height) {
  const { key, value } = given;
  const [prefix, noun] = KINDS.find(([one]) => key.startsWith(one)) ?? [];
  const name = noun && `${noun} ${key.slice(prefix.length)}`;
  if (value === null) return [OK, noun ? `there is no ${name}` : `there is nothing under ${key}`];
  const ended = standing(given, height);
  const facts = noun ? factsOf(fieldsOf(given)).filter((fact) => fact !== ended) : [];
  const said = noun ? `${name} stands as given here`
    : `${key} holds ${value.length} bytes as given here`;
  const words = [said, ...facts, ...(ended ? [ended] : [])].join(", ");
  return [ended ? ATTENTION : OK, words];
}

/** Its state, what lies on it, and its version, as far as it has them and they are plain. */
function factsOf(fields) {
  const claims = Array.isArray(fields.get("claims")) ? fields.get("claims") : [];
  const kinds = claims.filter((one) => one instanceof Map).map((one) => one.get("kind"));
  const plain = [fields.get("state"), fields.get("status"), ...kinds]
    .filter((fact) => typeof fact === "string" && /^[a-z][a-z0-9_-]{0,31}$/.test(fact));
  const count = numberIn(fields, "version");
  return count > 0 ? [...plain, `v${count}`] : plain;
}

/** What became of the records that the transaction made or changed. */
export function present({ records, block: { header } }) {
  if (records.length === 0) return [OK, "it left no record that could have changed"];
  const things = records.filter(({ key }) => isThing(key));
  const moved = things.filter((given) => standing(given, header.height)).length;
  const ended = records.filter(({ key }) => !isThing(key))
    .map((given) => standing(given, header.height)).filter((words) => words);
  const words = ended.length ? ended : ["in force"];
  const on = moved ? [`${moved} of ${things.length} things moved on since`] : [];
  return [ended.length ? ATTENTION : OK, [...words, ...on].join("; ")];
}

const ENDED = ["superseded", "withdrawn", "declined", "revoked", "suspended", "retired", "frozen"];
/** Why a record does not stand as it did after `height`; empty when it does. */
function standing(given, height) {
  if (given.value === null) return `${given.key} was removed since`;
  const fields = fieldsOf(given);
  const state = textIn(fields, "state");
  if (ENDED.includes(state)) {
    const successor = textIn(fields, "superseded_by");
    return successor ? `${state} by ${successor}` : state;
  }
  if (fields.get("wrong") === true) {
    return `declared wrong (${textIn(fields, "reason") || "no reason given"})`;
  }
  const history = fields.get("history");
  const newest = Array.isArray(history) ? history.at(-1) : null;
  const last = Array.isArray(newest) ? wholeOr0(newest[0]) : 0;
  const moves = state === "" || isThing(given.key);
  return last > height && moves ? `${given.key} changed since, at height ${last}` : "";
}
