// SPDX-License-Identifier: GPL-3.0-or-later
// The page works without this script, which adds Copy buttons and shows times in the browser's time zone.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    // Only pages from https or from this machine can use the clipboard directly.
    const copied = navigator.clipboard
      ? await navigator.clipboard.writeText(field.value).then(() => true, () => false)
      : document.execCommand("copy");
    button.textContent = copied ? "Copied" : "Press Ctrl+C"; // the link is selected
  });
}
for (const time of document.querySelectorAll("#sharing time")) {
  time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}
// Web servers in front may hide their scheme, name or port, but the browser knows the address that it opened.
const guessed = document.getElementById("sharing").dataset.origin;
for (const field of guessed ? document.querySelectorAll("#sharing input[readonly]") : []) {
  if (field.value.startsWith(`${guessed}/`)) field.value = location.origin + field.value.slice(guessed.length);
}
