// Tests the rules of eslint.config.mjs. ESLint must reject each script in REJECTED, because a
// supported browser lacks a feature, and accept each of the other scripts.
import { createRequire } from "node:module";

const load = createRequire(new URL("../target/lint-scripts/", import.meta.url));
const { ESLint, Linter } = load("eslint");

const REJECTED = [
  // Syntax.
  "/(?<=a)b/.test(name);",
  "/(?<!a)b/.test(name);",
  "/[\\p{L}--[a-z]]/v.test(name);",
  "new RegExp('a', 'v').test(name);",
  "/a/d.exec(name);",
  "new (class { static { close(); } })();",
  "new (class { #own() {} run() { this.#own(); } })();",
  "await fetch(name);",
  // The language's library.
  "[1, 2].at(-1);",
  "document.title.at(-1);",
  "[...document.children].findLast(Boolean);",
  "[...document.children].findLastIndex(Boolean);",
  "[...document.children].toSorted();",
  "[...document.children].toReversed();",
  "[...document.children].toSpliced(0, 1);",
  "[...document.children].with(0, null);",
  "[...document.children].group(String);",
  "Object.groupBy([1], String);",
  "Map.groupBy([1], String);",
  "Object.hasOwn({}, name);",
  "Array.fromAsync([]);",
  "Promise.withResolvers();",
  "new Set([1]).union(new Set([2]));",
  "new Map([[1, 2]]).values().take(1);",
  "throw new Error('a', { cause: name });",
  "new Intl.Segmenter('en');",
  // APIs of the browser.
  "const query = new URLSearchParams(location.search); if (query.size) close();",
  "((params) => params.size)(new URLSearchParams());",
  "new URL(location.href).searchParams.size;",
  "const asked = new URLSearchParams(); close(asked.size);",
  "const asked = new URLSearchParams(); const { size } = asked; close(size);",
  "AbortSignal.timeout(1000);",
  "AbortSignal.any([]);",
  "new AbortController().signal.throwIfAborted();",
  "structuredClone({});",
  "window.structuredClone({});",
  "globalThis.scheduler.postTask(close);",
  "requestIdleCallback(close);",
  "crypto.randomUUID();",
  "navigator.userActivation;",
  "navigator.wakeLock.request();",
  "const { wakeLock } = navigator; close(wakeLock);",
  "document.startViewTransition(close);",
  "document.body.showPopover();",
  "document.body.replaceChildren(); document.body.setHTMLUnsafe('');",
  "document.body.inert = true;",
  "URL.canParse(name);",
  "Response.json({});",
  "new BroadcastChannel('news');",
  "new CompressionStream('gzip');",
  "document.addEventListener('scrollend', close);",
  "addEventListener('beforetoggle', close);",
];
const ACCEPTED = [
  "document.title ??= name; document.title ||= name; document.title &&= name;",
  "document.body?.dataset?.name ?? 10_000;",
  "'a'.replaceAll('a', 'b');",
  "/\\p{L}+/gu.test('a');",
  "[...document.children].flatMap((one) => [...one.children]).includes(null);",
  "const known = { at: 1 }; close(known.at);",
  "const size = new Map().size + new Set().size; close(size);",
  "document.body.replaceChildren(); document.body.isEqualNode(null);",
  "new AbortController().abort();",
  "String(new URLSearchParams(location.search));",
  "if (typeof EventSource === 'function') new EventSource('/events');",
  "if ('Notification' in window && Notification.permission === 'granted') new Notification('');",
  "if (navigator.locks) navigator.locks.request('one', close);",
  "if (document.body.moveBefore) document.body.moveBefore(document.head, null);",
  "if (document.body.checkVisibility) document.body.checkVisibility();",
  "addEventListener('pagereveal', (event) => event.viewTransition?.finished.finally(close));",
  "addEventListener('pageswap', (event) => close(event.activation?.entry?.url));",
  "close(globalThis.navigation?.activation?.from?.url);",
];

const eslint = new ESLint({ overrideConfigFile: ".ci/eslint.config.mjs" });
const messages = async (script) =>
  (await eslint.lintText(script, { filePath: "templates/assets/tried.js" }))[0].messages;
// Whether a message is about browsers. A message without a rule means: not in the syntax of ES2021.
const isAboutBrowsers = ({ ruleId }) => !ruleId || /^(browsers|compat|es-x)\//.test(ruleId);
const isScript = (text) => {
  const languageOptions = { ecmaVersion: "latest", sourceType: "module" };
  return !new Linter().verify(text, { languageOptions }).some(({ fatal }) => fatal);
};

const wrong = [];
for (const script of REJECTED) {
  if (!isScript(script)) wrong.push(`no script in any version: ${script}`);
  if (!(await messages(script)).some(isAboutBrowsers)) wrong.push(`not rejected: ${script}`);
}
for (const script of ACCEPTED) {
  for (const { message } of await messages(script)) wrong.push(`not accepted: ${script} (${message})`);
}
for (const one of wrong) console.error(one);
if (!wrong.length) console.log(`lint rules: ${REJECTED.length} scripts rejected, ${ACCEPTED.length} accepted, as they should be`);
process.exitCode = wrong.length ? 1 : 0;
