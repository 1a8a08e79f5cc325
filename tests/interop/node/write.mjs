// Writes a mail: PGP/MIME by nodemailer with its plugin for OpenPGP.js, inline by OpenPGP.js alone.
//
// Standard input is JSON: what to write and the armored keys. Standard output is the mail.

import nodemailer from "nodemailer";
import plugin from "nodemailer-openpgp";
import * as openpgp from "openpgp";

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const order = JSON.parse(Buffer.concat(chunks).toString());

async function inline() {
  const signingKeys = order.sign ? await openpgp.readPrivateKey({ armoredKey: order.signer }) : [];
  if (!order.encrypt && order.form === "inline") {
    const message = await openpgp.createCleartextMessage({ text: order.text });
    return openpgp.sign({ message, signingKeys });
  }
  const message = await openpgp.createMessage({ text: order.text });
  if (!order.encrypt) return openpgp.sign({ message, signingKeys });
  if (order.passphrase) return openpgp.encrypt({ message, passwords: [order.passphrase] });
  const encryptionKeys = await openpgp.readKey({ armoredKey: order.recipient });
  return openpgp.encrypt({ message, encryptionKeys, signingKeys });
}

const mime = order.form === "pgpmime";
const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: "windows" });
if (mime) transport.use("stream", plugin.openpgpEncrypt({ signingKey: order.sign ? order.signer : undefined }));
const sent = await transport.sendMail({
  from: order.sender,
  to: order.to,
  subject: order.subject,
  text: mime ? order.text : await inline(),
  attachments: Object.entries(order.files).map(([filename, content]) => ({
    filename,
    content: Buffer.from(content, "base64"),
  })),
  encryptionKeys: order.encrypt ? [order.recipient] : undefined,
  shouldSign: order.sign,
});
process.stdout.write(sent.message);
