#!/usr/bin/env node
// Checks a hansa proof file, offline, with no code of hansa and no package: Node 18 or newer.
//
//   node scripts/verify.mjs PROOF --trust TRUST [--file CONTENT] [-o json]
//   node scripts/verify.mjs --batch        many proofs from standard input: see `batch`
//
// It needs the files _verify_*.mjs beside it, and nothing else. What it checks is
// docs/spec/, its sentences are those of `hansa verify`. Exit codes: 0 no line turned, 1 one did,
// 65 no proof (or no trust file), 66 a file cannot be read, 70 a fault of this program. One limit:
// of an EPCIS event it checks type, action, time and zone (epcis.md 5.1, 5.2), not all fields.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import {
  ATTENTION, FAIL, FIRST_MS, INFO, LAST_MS, NOT_GIVEN, OK, claimedTimes, contentLine,
} from "./_verify_content.mjs";
import {
  NoProof, SAFE, VALIDATORS, after, canonical, checkQuorum, hexHash, holds, inLog, inState,
  name, need, orElse, readBody, readCertificate, readFresh, readHeader, readJson, readMembers,
  readPath, readReceipt, readSigned, same, stateKey, tagged, unpack, validatorSet,
} from "./_verify_forms.mjs";
import { fieldsOf, held, isThing, numberIn, present, textIn } from "./_verify_records.mjs";
import {
  base64, extras, like, list, only, orNull, section, sibling, sizedBase64, that, version, whole,
} from "./_verify_sections.mjs";

const PROOF_BYTES = 2 ** 23;
const TRUST_BYTES = 2 ** 20;
const TRANSACTION_BYTES = 2 ** 18;
const CHANGES = 1000;
const RECORDS = 16;

// Sections of a file: objects with just these fields, each read by its reader (proof.md 2 to 4)

const shown = (v) => need(typeof v === "string" && /^[^\0-\x1f\x7f]{1,200}$/u.test(v), "no line");
const keyOf = (v) => {
  need(typeof v === "string" && /^ed25519:[0-9a-f]{64}$/.test(v), "no public key");
  return Buffer.from(`01${v.slice(8)}`, "hex");
};

const wire = (reader) => (v) => reader(base64(v));
const readSet = (raw) => validatorSet(readMembers(raw).members);
const anchored = { version, header: wire(readHeader), certificate: wire(readCertificate) };
const change = section({ ...anchored, validators: wire(readSet) });
const block = section(anchored);
const record = section({
  version, key: that(stateKey), value: orNull(base64), path: wire(readPath),
});
const shared = {
  format: only("hansa/proof@1"), kind: that(() => {}), chain_id: that(name),
  validators: wire(readSet), changes: list(change, 0, CHANGES), fresh: orNull(wire(readFresh)),
  ...extras,
};
const EXTRAS = Object.keys(extras);
const transactionFile = section({
  ...shared, statement: section({ version, tx_id: that(hexHash), height: whole() }), block,
  head: orNull(block), transaction: base64, receipt: wire(readReceipt), keys: list(record, 0, 32),
  inclusion: section({
    version, index: whole(), size: whole(1), path: list(sibling, 0, 63),
  }),
  records: list(record, 0, RECORDS),
}, EXTRAS);
const stateFile = section({
  ...shared, head: block, record,
  statement: section({
    version, key: that(stateKey), height: whole(),
    present: that((v) => need(typeof v === "boolean", "no boolean")),
  }),
}, EXTRAS);
const trustFile = section({
  format: only("hansa/trust@1"), chain_id: that(name),
  checkpoint: section({ height: whole(), block_hash: that(hexHash), epoch: whole() }),
  validators: list(section({ name: that(name), member: that(name), key: keyOf }), 1, VALIDATORS),
  organisations: list(section({ name: that(name), title: orNull(that(shown)),
    legal_id: orNull(that(shown)) }, ["title", "legal_id"]), 0, SAFE),
  time_authorities: list(sizedBase64(2 ** 13), 0, 32),
  witnesses: list(like(/^[!-*,-~]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/), 0, 64),
}, ["format", "organisations", "time_authorities", "witnesses"]);

function readTrust(raw) {
  need(raw.length <= TRUST_BYTES, "too large a trust file");
  const json = readJson(raw);
  canonical(json);
  const trust = trustFile(json);
  const members = trust.validators.map((one) => [one.name, one.member, one.key]);
  trust.set = validatorSet(members.sort(([one], [other]) => (one < other ? -1 : 1)));
  return trust;
}

function readProof(raw) {
  need(raw.length <= PROOF_BYTES, "too large a proof");
  const json = readJson(raw);
  need(same(Buffer.from(canonical(json)), raw), "not the RFC 8785 text of its value");
  const kind = json instanceof Map ? json.get("kind") : null;
  need(kind === "transaction" || kind === "state", "no such kind of proof");
  const proof = (kind === "state" ? stateFile : transactionFile)(json);
  if (kind === "state") proof.block = proof.head;
  else fitTransaction(proof);
  proof.head ??= proof.block;
  const { statement, changes, head } = proof;
  need(statement.height === proof.block.header.height, "the statement names another height");
  need(kind !== "state" || (statement.key === proof.record.key &&
    statement.present === (proof.record.value !== null)), "the statement says otherwise");
  proof.links = [...changes, proof.block, head];
  for (const link of proof.links) {
    const { header, certificate } = link;
    link.hash = tagged("block", header.raw);
    need(header.chain_id === proof.chain_id, "a header is another chain's");
    need(certificate.height === header.height && certificate.epoch === header.epoch &&
      same(certificate.block_hash, link.hash), "a certificate is another block's");
  }
  const heights = [...changes, head].map((link) => link.header.height);
  need(heights.every((height, i) => !i || heights[i - 1] < height ||
    (i === changes.length && heights[i - 1] === height)), "changes stand in order, up to the head");
  return proof;
}

/** Decode the transaction, and refuse what does not belong to it (proof.md 4.2 to 4.8). */
function fitTransaction(proof) {
  const { receipt, statement, keys, records } = proof;
  need(proof.transaction.length <= TRANSACTION_BYTES, "too large a transaction");
  const signed = readSigned(proof.transaction);
  const body = readBody(signed.body);
  const { signers } = body;
  const once = new Set(signers.map((key) => key.toString("hex"))).size === signers.length;
  need(once && (signers.length > 0 || body.type === 3), "signers, each once");
  need(signers.length === signed.signatures.length, "another number of signatures than signers");
  const txId = tagged("tx-id", signed.body);
  need(same(txId, receipt.tx_id), "the receipt is another transaction's");
  need(statement.tx_id === txId.toString("hex"), "the statement names another transaction");
  need(receipt.height === proof.block.header.height, "the receipt is of another height");
  need(body.chain_id === proof.chain_id, "the transaction is another chain's");
  const wanted = signers.map((key) => `org/key/${tagged("key-id", key).toString("hex", 0, 8)}`);
  need(keys.length >= wanted.length && keys.every(({ key }, i) =>
    i < wanted.length ? key === wanted[i] : key.startsWith("org/member/")), "other key records");
  const named = [...new Set(receipt.calls.flatMap((call) => call[2].map(([key]) => key)))];
  const first = [...named.filter((key) => !isThing(key)), ...named.filter(isThing)];
  const given = records.map(({ key }) => key);
  need(JSON.stringify(given) === JSON.stringify(first.slice(0, RECORDS)), "other records");
  need(proof.head === null || proof.head.header.height > receipt.height, "a head below the block");
  Object.assign(proof, { signed, body });
}

// What every line rests on (proof.md 5)

const reignAt = (reigns, height) => reigns.find(({ last }) => last === null || height <= last);

function checkChain(proof) {
  let [set, epoch] = [proof.validators, proof.links[0].header.epoch];
  const reigns = [];
  for (const { header, validators } of proof.changes) {
    need(same(validators.hash, header.next_validators_hash), "a change announces another set");
    need(!same(validators.hash, header.validators_hash), "a change that changes nothing");
    reigns.push({ set, epoch, last: header.height });
    [set, epoch] = [validators, after(epoch)];
  }
  reigns.push({ set, epoch, last: null });
  for (const { header, certificate, hash } of proof.links) {
    const reign = reignAt(reigns, header.height);
    need(same(header.validators_hash, reign.set.hash) && header.epoch === reign.epoch,
      "signed by another set");
    const announced = proof.changes.some((link) => same(link.hash, hash));
    need(announced || same(header.validators_hash, header.next_validators_hash),
      "a header announces a set that is not given");
    const { epoch: e, height, view, phase, block_hash: b } = certificate;
    checkQuorum(certificate, reign.set,
      (signer) => ["vote", [proof.chain_id, e, height, view, phase, b, signer]],
      (who) => `the signature of ${who} is wrong`);
  }
  return reigns;
}

/** Why the trust file does not lead to the file, or nothing (proof.md 5.4). */
function distrust(proof, reigns, { chain_id, checkpoint, set }) {
  if (chain_id !== proof.chain_id) {
    return `another chain: ${proof.chain_id}, your trust file is for ${chain_id}`;
  }
  const start = reigns.findIndex((reign) =>
    same(reign.set.hash, set.hash) && reign.epoch === checkpoint.epoch);
  if (start < 0) return "signed by validators that your trust file does not lead to";
  for (const { header, hash } of proof.links) {
    const { height } = header;
    const is = (raw) => raw.toString("hex") === checkpoint.block_hash;
    if (height === checkpoint.height && !is(hash)) {
      return `height ${height} is another block than your trust file's`;
    }
    if (height === after(checkpoint.height) && !is(header.parent)) {
      return `height ${height} stands on another block than your trust file's`;
    }
  }
  if (reigns.indexOf(reignAt(reigns, proof.block.header.height)) < start) {
    return `older than your trust file, which begins at height ${checkpoint.height}`;
  }
  return "";
}

// The six lines (proof.md 6)

const UNCHECKED = ["not checked", "not checked: line 2 did not hold"];
const NOT_PROVEN = new Map([
  ["doc", "that the content of the document is true"],
  ["trace", "that the event happened as its reporter says"],
  ["org", "that the organisation is who it says it is"],
  ["governance", "that those who voted spoke for their organisations"],
  ["profile", "that the rule is lawful"],
  ["asset", "that the goods or the debt behind it are as it says"],
  ["cred", "that what was attested of somebody is true"],
  ["match", "that the books behind it are true"],
  ["grant", "that nobody used the data in another way"],
]);

function judge(proof, trust, content, nowMs) {
  const reigns = checkChain(proof);
  const values = proof.kind === "state" ? [proof.record.value].filter((raw) => raw !== null)
    : proof.body.calls.map(([, , args]) => args);
  const recorded = values.map((raw) => orElse(() => unpack(raw), raw));
  const contract = proof.kind === "state" ? proof.record.key.split("/")[0] : proof.body.calls[0][0];
  const absent = proof.kind === "state" && proof.record.value === null;
  const lines = {
    content: contentLine(recorded, content, proof), on_chain: [FAIL, distrust(proof, reigns, trust)],
    signers: UNCHECKED, time: UNCHECKED, now: UNCHECKED,
    not_proven: [INFO, absent ? "that there is no such thing outside of this chain"
      : NOT_PROVEN.get(contract) ?? "that what was signed is true"],
  };
  if (!lines.on_chain[1]) {
    lines.on_chain = onChainLine(proof, reigns);
    lines.signers = signersLine(proof, trust);
    lines.time = timeLine(proof, claimedTimes(recorded));
    lines.now = nowLine(proof, reigns, nowMs);
  }
  return lines;
}

function onChainLine(proof, reigns) {
  const { header, certificate } = proof.block;
  if (proof.kind === "transaction") {
    const { receipt, inclusion } = proof;
    if (inclusion.size !== header.log_size || !inLog(receipt.raw, inclusion, header.log_root)) {
      return [FAIL, `the receipt is not in the log of height ${header.height}`];
    }
    const given = same(tagged("tx-hash", proof.transaction), receipt.tx_hash);
    if (!given && wrongSignatures(proof).length === 0) {
      return [FAIL, `height ${header.height} holds it with other signatures`];
    }
    if (receipt.code !== "OK") {
      return [FAIL, `at height ${header.height} it was refused with ${receipt.code}: ` +
        "it changed nothing"];
    }
  }
  const { members, quorum } = reignAt(reigns, header.height).set;
  const known = new Set(members.map(([, member]) => member)).size;
  const signed = members.filter((_, i) => (certificate.bitmap[i >> 3] >> (i & 7)) & 1);
  const confirmed = new Set(signed.map(([, member]) => member)).size;
  const unit = known === members.length ? "" : ` of ${members.length} validators`;
  return [OK, `height ${header.height}, ${utc(header.time)}, confirmed by ${confirmed} of ` +
    `${known} organisations (${quorum}${unit} needed)`];
}

const wrongSignatures = ({ body, signed }) => {
  const statement = tagged("tx-sign", signed.body);
  return body.signers.filter((key, i) => !holds(key, statement, signed.signatures[i]));
};
const short = (key) => `ed25519:${key.toString("hex", 1)}`.slice(0, 20);
function signersLine(proof, trust) {
  if (proof.kind === "state") return [NOT_GIVEN, "a proof of the state names no signer"];
  const { signers } = proof.body;
  if (signers.length === 0) return [OK, "the chain itself: what was due at that time"];
  const wrong = wrongSignatures(proof);
  if (wrong.length) {
    return [FAIL, wrong.map((key) => `the signature of ${short(key)} is wrong`).join("; ")];
  }
  const { header } = proof.head;
  const broken = proof.keys.find((given) => !inState(given, header.state_root));
  if (broken) {
    return [FAIL, `the state of height ${header.height} does not hold ${broken.key} ` +
      "as it is given here"];
  }
  const others = proof.keys.slice(signers.length);
  const members = new Map(others.map((given) => [given.key, fieldsOf(given)]));
  const judged = signers.map((key, i) =>
    signerWords(key, fieldsOf(proof.keys[i]), members, proof.block.header, trust));
  const worst = [FAIL, ATTENTION].find((one) => judged.some(([verdict]) => verdict === one)) ?? OK;
  return [worst, judged.map(([, words]) => words).join("; ")];
}

/** The verdict and words for one signer whose signature holds and whose record is proven. */
function signerWords(key, fields, members, header, trust) {
  const known = fields.get("public");
  if (!Buffer.isBuffer(known) || !same(known, key)) {
    return [ATTENTION, `unknown signer ${short(key)}, a key that no member registered`];
  }
  const member = textIn(fields, "member");
  const legal = members.get(`org/member/${member}`)?.get("legal_id");
  const number = legal instanceof Map ? `${textIn(legal, "scheme")} ${textIn(legal, "value")}` : "";
  const told = (trust.organisations ?? []).find((one) => one.name === member)?.legal_id;
  const registered = number.trim() || (told ?? "");
  const who = (textIn(fields, "subject") || member) + (registered && ` (${registered})`);
  const [start, end] = [numberIn(fields, "valid_from"), numberIn(fields, "valid_to")];
  if (start > header.height || (end > 0 && end <= header.height)) {
    return [FAIL, `${who}, key not valid at that height`];
  }
  const doubted = numberIn(fields, "compromised_since");
  if (doubted && doubted <= header.time) {
    return [ATTENTION, `${who}, key reported as compromised since ${utc(doubted)}`];
  }
  return [OK, `${who}, key valid at that height${end ? `, ended at height ${end}` : ""}`];
}

/** Time-stamps are not judged here: who needs that asks OpenSSL (docs/guides/verify.md). */
function timeLine({ block: { header: { time } }, time: tokens }, claimed) {
  const [first, last] = [claimed[0], claimed.at(-1)];
  const words = claimed.length === 0 ? `chain time ${utc(time).replace(/^.{11}(.{8}) UTC$/, "$1")}`
    : `claimed ${utc(first)}${first === last ? "" : ` to ${utc(last)}`}; chain time ${utc(time)}`;
  if (!tokens) return [OK, `${words}; no trusted time-stamp given`];
  const said = tokens.map(() => "a time-stamp is given, and was not checked");
  return [ATTENTION, [words, ...said].join("; ")];
}

function nowLine(proof, reigns, nowMs) {
  const { fresh, head: { header } } = proof;
  let since = [ATTENTION, `${utc(header.time)}; no freshness certificate given`];
  if (fresh) {
    const why = freshProblem(proof, reignAt(reigns, after(header.height)).set);
    if (why) return [FAIL, `the freshness certificate does not hold: ${why}`];
    const least = fresh.times.reduce((one, other) => (other < one ? other : one));
    since = [OK, ago(Number(least), nowMs)];
  }
  const records = proof.kind === "state" ? [proof.record] : proof.records;
  const broken = records.find((given) => !inState(given, header.state_root));
  if (broken) return [FAIL, `the state of height ${header.height} does not hold ${broken.key} so`];
  const [verdict, words] = proof.kind === "state"
    ? held(proof.record, header.height) : present(proof);
  const [age, when] = since;
  return [age === OK ? verdict : age, `${words}, as of height ${header.height}, ${when}`];
}

/** Why a freshness certificate is none over the head; empty when it is. */
function freshProblem({ fresh, head, chain_id }, set) {
  const { header, hash } = head;
  if (fresh.height !== header.height || !same(fresh.block_hash, hash) ||
      !same(fresh.state_root, header.state_root)) {
    return "the freshness certificate is of another block";
  }
  const { height, block_hash, state_root, times } = fresh;
  const statement = (signer, i) =>
    ["fresh", [chain_id, height, block_hash, state_root, times[i], signer]];
  try {
    checkQuorum(fresh, set, statement, (who) => `FRESH of ${who} is wrong`);
  } catch (error) {
    if (error instanceof NoProof) return error.message;
    throw error;
  }
  return "";
}

function utc(ms) {
  if (ms < FIRST_MS || ms > LAST_MS) return `${ms} ms after 1970`;
  const seconds = new Date(Math.floor(Number(ms) / 1000) * 1000).toISOString();
  return `${seconds.replace(/^0+/, "").replace("T", " ").replace(".000Z", "")} UTC`;
}

function ago(since, now) {
  const seconds = Math.floor(Math.max(0, now - since) / 1000);
  const [unit, size] = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]
    .find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.floor(seconds / size)} ${unit} ago`;
}

// The command

/** What is said of a proof: {exit, lines} or {exit, why}. */
function verdictOn({ proof, trust, content, now_ms: nowMs = Date.now() }) {
  try {
    const believed = readTrust(trust);
    const lines = Object.entries(judge(readProof(proof), believed, content, nowMs));
    const turned = lines.some(([, [verdict]]) => verdict === FAIL);
    const said = lines.map(([line, [verdict, words]]) => [line, { verdict, text: words }]);
    return { exit: turned ? 1 : 0, lines: Object.fromEntries(said) };
  } catch (error) {
    if (error instanceof NoProof) return { exit: 65, why: error.message };
    return { exit: 70, why: `a fault of this program: ${error.stack}` };
  }
}

/**
 * One JSON object a line in, one verdict a line out: `proof`, `trust`, `content` (base64; null: no
 * content), `now_ms`; what is left out is as in the line before. `patch`, pairs of a place and a
 * byte, changes the proof for this line alone.
 */
async function batch() {
  let given = { content: null };
  for await (const line of createInterface({ input: process.stdin })) {
    const { patch = [], ...more } = JSON.parse(line);
    for (const part of ["proof", "trust", "content"]) {
      if (typeof more[part] === "string") more[part] = Buffer.from(more[part], "base64");
    }
    given = { ...given, ...more };
    const proof = Buffer.from(given.proof);
    for (const [place, byte] of patch) proof[place] = byte;
    process.stdout.write(`${JSON.stringify(verdictOn({ ...given, proof }))}\n`);
  }
}

function command(words) {
  const options = new Map([["--trust", null], ["--file", null], ["-o", "text"]]);
  const files = [];
  for (let i = 0; i < words.length; i++) {
    if (options.has(words[i])) options.set(words[i], words[++i]);
    else files.push(words[i]);
  }
  const [trust, document, form] = options.values();
  if (files.length !== 1 || !trust || document === undefined || !["text", "json"].includes(form)) {
    process.stderr.write("verify.mjs PROOF --trust TRUST [--file CONTENT] [-o json]\n");
    return 2;
  }
  let given;
  try {
    const content = document === null ? null : readFileSync(document);
    given = { trust: readFileSync(trust), proof: readFileSync(files[0]), content };
  } catch (error) {
    process.stderr.write(`not verified: ${error.message}\n`);
    return 66;
  }
  const { exit, lines, why } = verdictOn(given);
  if (why) process.stderr.write(`not verified: ${why}\n`);
  if (form === "json") {
    process.stdout.write(`${JSON.stringify(lines ?? { error: { why, exit } }, null, 2)}\n`);
  } else if (lines) {
    const shown = Object.entries(lines).map(([line, said]) =>
      `${line.padEnd(12)}[${said.verdict}] ${said.text}\n`);
    process.stdout.write(shown.join(""));
  }
  return exit;
}

if (process.argv[2] === "--batch") await batch();
else process.exitCode = command(process.argv.slice(2));
