// SPDX-License-Identifier: GPL-3.0-or-later
// What the builder's configuration lacks: numbers of modules would depend on the path of the checkout, names do not.
module.exports = { optimization: { moduleIds: "named", chunkIds: "named" } };
