// Reads a mail with OpenPGP.js, taking it apart with postal-mime.
//
// Standard input is JSON: the mail in base64, armored keys, a passphrase or an empty text. Standard
// output is JSON: text, files in base64 by name, whether all was decrypted, and who signed all of it
// as key ids. Whatever fails is an error of the process.

import * as openpgp from "openpgp";
import PostalMime from "postal-mime";

const given = JSON.parse(await text(process.stdin));
const publics = await Promise.all(given.publics.map((armoredKey) => openpgp.readKey({ armoredKey })));
const secrets = await Promise.all(
  given.secrets.map((armoredKey) => openpgp.readPrivateKey({ armoredKey })),
);
// Some keys of tests are older or smaller than what it takes by default.
const config = { minRSABits: 1023, rejectPublicKeyAlgorithms: new Set(), rejectCurves: new Set() };

async function text(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function latin(bytes) {
  return Buffer.from(bytes).toString("latin1");
}

function head(mail) {
  const end = mail.indexOf("\r\n\r\n");
  const lines = (end < 0 ? mail : mail.slice(0, end)).replace(/\r\n[ \t]+/g, " ").split("\r\n");
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}

// The first part of a multipart exactly as it stands, its header included.
function firstPart(mail, type) {
  const boundary = /boundary="?([^";]+)"?/i.exec(type)[1];
  const start = mail.indexOf(`--${boundary}\r\n`) + boundary.length + 4;
  return mail.slice(start, mail.indexOf(`\r\n--${boundary}`, start));
}

async function signers(signatures) {
  const good = [];
  for (const signature of signatures) {
    await signature.verified;
    good.push(signature.keyID.toHex());
  }
  return good;
}

async function open(armored) {
  const message = await openpgp.readMessage({ armoredMessage: armored });
  const encrypted = message.packets[0].constructor.tag in { 1: 0, 3: 0 };
  const options = { message, verificationKeys: publics, format: "binary", config };
  const opened = encrypted
    ? await openpgp.decrypt({
        ...options,
        ...(given.passphrase ? { passwords: [given.passphrase] } : { decryptionKeys: secrets }),
      })
    : await openpgp.verify(options);
  return { content: opened.data, encrypted, signers: await signers(opened.signatures) };
}

async function cleartext(armored) {
  const message = await openpgp.readCleartextMessage({ cleartextMessage: armored });
  const seen = await openpgp.verify({ message, verificationKeys: publics, config });
  return { content: Buffer.from(message.getText()), encrypted: false, signers: await signers(seen.signatures) };
}

async function detached(data, armored) {
  const signature = await openpgp.readSignature({ armoredSignature: armored });
  const message = await openpgp.createMessage({ binary: data });
  const seen = await openpgp.verify({ message, signature, verificationKeys: publics, config });
  return signers(seen.signatures);
}

function inside(shelter, opened) {
  return {
    encrypted: shelter.encrypted || opened.encrypted,
    signers: [...shelter.signers, ...opened.signers],
  };
}

async function inline(content, shelter) {
  const start = latin(content).trimStart();
  const ways = { "-----BEGIN PGP SIGNED MESSAGE-----": cleartext, "-----BEGIN PGP MESSAGE-----": open };
  const words = Object.keys(ways).find((each) => start.startsWith(each));
  if (words === undefined) return { content, shelter, was: false };
  const opened = await ways[words](Buffer.from(content).toString());
  return { ...(await inline(opened.content, inside(shelter, opened))), was: true };
}

async function leaves(mail, shelter) {
  const raw = latin(mail);
  const type = head(raw)["content-type"] ?? "text/plain";
  const parsed = await PostalMime.parse(mail, { attachmentEncoding: "arraybuffer" });
  if (/^multipart\/encrypted/i.test(type)) {
    const part = parsed.attachments.find((each) => each.mimeType === "application/octet-stream");
    const opened = await open(latin(part.content));
    return leaves(opened.content, inside(shelter, opened));
  }
  if (/^multipart\/signed/i.test(type)) {
    const signed = Buffer.from(firstPart(raw, type), "latin1");
    const part = parsed.attachments.find((each) => each.mimeType === "application/pgp-signature");
    const found = await detached(signed, latin(part.content));
    return leaves(signed, inside(shelter, { encrypted: false, signers: found }));
  }
  const several = /^multipart\//i.test(type); // then each text has got a line end more
  const plain = (words) => Buffer.from(several ? words.replace(/\n$/, "") : words);
  const seen = [];
  if (parsed.text !== undefined) {
    seen.push({ name: "", ...(await inline(plain(parsed.text), shelter)) });
  }
  if (parsed.html !== undefined) {
    seen.push({ name: "text/html", content: plain(parsed.html), shelter });
  }
  return [...seen, ...(await attachments(parsed.attachments, shelter))];
}

async function attachments(given, shelter) {
  const opened = [];
  for (const part of given) {
    const leaf = await inline(new Uint8Array(part.content), shelter);
    const name = part.filename ?? part.mimeType;
    opened.push({ ...leaf, name: leaf.was ? name.replace(/\.(asc|pgp|gpg)$/, "") : name });
  }
  const signatures = opened.filter((leaf) => leaf.name.endsWith(".sig"));
  for (const signature of signatures) {
    const leaf = opened.find((each) => `${each.name}.sig` === signature.name);
    const found = await detached(leaf.content, latin(signature.content));
    leaf.shelter = inside(leaf.shelter, { encrypted: false, signers: found });
  }
  return opened.filter((leaf) => !signatures.includes(leaf));
}

const seen = await leaves(Buffer.from(given.mail, "base64"), { encrypted: false, signers: [] });
const files = seen.filter((leaf) => leaf.name);
process.stdout.write(
  JSON.stringify({
    text: seen.filter((leaf) => !leaf.name).map((leaf) => Buffer.from(leaf.content).toString()).join(""),
    files: Object.fromEntries(files.map((leaf) => [leaf.name, Buffer.from(leaf.content).toString("base64")])),
    decrypted: seen.every((leaf) => leaf.shelter.encrypted),
    signers: seen[0].shelter.signers.filter((id) => seen.every((leaf) => leaf.shelter.signers.includes(id))),
  }),
);
