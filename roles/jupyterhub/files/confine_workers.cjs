// SPDX-License-Identifier: GPL-3.0-or-later
// The proxy loads this before its own code. A browser confines a service worker to the folder of its script, unless the script comes with
// this header. Hub and servers share one address: with the header, a worker of one user's server would see what visitors send to the hub.
"use strict";
const { OutgoingMessage, ServerResponse } = require("node:http");

const HEADER = "service-worker-allowed";
const isIt = (name) => String(name).trim().toLowerCase() === HEADER;

for (const method of ["setHeader", "appendHeader"]) {
  const theirs = OutgoingMessage.prototype[method];
  if (theirs) {
    OutgoingMessage.prototype[method] = function (name, ...values) {
      return isIt(name) ? this : theirs.call(this, name, ...values);
    };
  }
}

const writeHead = ServerResponse.prototype.writeHead;
ServerResponse.prototype.writeHead = function (...words) {
  const headers = words.at(-1);
  if (Array.isArray(headers)) {
    // Names and values alternate.
    words[words.length - 1] = headers.filter((_, at) => !isIt(headers[at - (at % 2)]));
  } else if (headers && typeof headers === "object") {
    words[words.length - 1] = Object.fromEntries(Object.entries(headers).filter(([name]) => !isIt(name)));
  }
  return writeHead.apply(this, words);
};
