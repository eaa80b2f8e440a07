// The features that browser scripts may use: ES2021, and what every supported browser has
// (docs/browsers.md). `.ci/lint-scripts` installs the plugins and tests these rules.
import { createRequire } from "node:module";

const load = createRequire(new URL("../target/lint-scripts/", import.meta.url));
const js = load("@eslint/js");
const compat = load("eslint-plugin-compat");
const esx = load("eslint-plugin-es-x");
const globals = load("globals");
const data = load("@mdn/browser-compat-data");

// The oldest supported versions, in the names of the plugin and in those of the table of features.
const BROWSERS = ["chrome 90", "edge 90", "firefox 90", "safari 14.1", "ios_saf 14.5-14.8"];
const OLDEST = {
  chrome: 90, chrome_android: 90, edge: 90, firefox: 90, firefox_android: 90, safari: 14.1, safari_ios: 14.5,
};

// Features that some of these browsers lack. A script must test for the feature before use, and the
// page must be complete without the feature. No rule can check this test: reviewers do.
const OPTIONAL = {
  EventSource: "in all of them, but may be switched off: tested by typeof; without it pages look at freshness.json",
  Notification: "tested by `in window`; without it nothing is told outside the page",
  "navigator.locks": "tested; without it streams are counted in the local storage",
  "Element.moveBefore": "tested; without it insertBefore moves the element",
  "Element.checkVisibility": "tested; without it the element's box is asked",
  pageswap: "an event; without it no poster moves from page to page",
  pagereveal: "an event; without it no poster moves from page to page",
  "globalThis.navigation": "read by `?.`, in these two events; so is what they have, like viewTransition",
  "PerformanceResourceTiming.transferSize": "undefined elsewhere, which is not 0: the page counts as loaded from its site",
  "HTMLDialogElement.showModal": "of dev.js, which theme authors alone get",
};
const isOptional = (name) => Object.keys(OPTIONAL).some((known) => known.split(".").pop() === name);

// Whether all supported browsers have a feature, by its entry in the table.
const isEverywhere = ({ __compat: { support } }) => Object.entries(OLDEST).every(([browser, oldest]) =>
  [support[browser] ?? []].flat().some((since) =>
    parseFloat(String(since.version_added).replace("≤", "")) <= oldest && !since.flags && !since.prefix
    && !since.alternative_name && !(parseFloat(since.version_removed) <= oldest)));
const own = (object, name) => (object && Object.hasOwn(object, name) && object[name].__compat ? object[name] : null);
const { api, javascript: { builtins } } = data;
const interfaceOf = (name) => own(api, name) ?? own(builtins, name) ?? own(builtins.Intl, name);

// All interfaces that have a member, by the name of the member. Interfaces that only newer browsers
// have are left out: to get such an object, a script must use a name that another rule checks.
const holders = new Map();
for (const [group, isLanguage] of [[api, false], [builtins, true], [builtins.Intl, true]]) {
  for (const [of, members] of Object.entries(group)) {
    if (!own(group, of) || !isEverywhere(members)) continue;
    for (const name of Object.keys(members)) {
      if (!own(members, name) || /_(static|event)$/.test(name)) continue;
      if (!holders.has(name)) holders.set(name, []);
      holders.get(name).push({ of, name: `${of}.${name}`, isLanguage, isThere: isEverywhere(members[name]) });
    }
  }
}
// These methods were proposed and withdrawn. No browser has them.
for (const name of ["group", "groupToMap"]) holders.set(name, [{ of: "Array", name: `Array.${name}`, isLanguage: true, isThere: false }]);

// Global objects that are instances of an interface.
const INSTANCES = {
  document: "Document", history: "History", localStorage: "Storage", location: "Location", navigator: "Navigator",
  performance: "Performance", screen: "Screen", sessionStorage: "Storage",
};
const WINDOW = new Set(["globalThis", "self", "window"]);

// A rule for what the plugins cannot see: members of objects whose type is known only at run time.
// If the type is plain (a global object, `new Type`), the type decides. Otherwise the rule rejects a
// member if no interface has a member of that name in all browsers. A script must not give such a
// name to a function of its own.
const members = {
  create(context) {
    const { sourceCode } = context;
    const report = (node, name, lacking) => {
      if (!isOptional(name)) context.report({ node, message: `${lacking} is not in all supported browsers` });
    };
    const variableOf = (node) => {
      for (let scope = sourceCode.getScope(node); scope; scope = scope.upper) {
        if (scope.set.has(node.name)) return scope.set.get(node.name);
      }
      return null;
    };
    const isGlobal = (node) => node?.type === "Identifier" && !variableOf(node)?.defs.length;
    // The interface of a value, and whether the value is the interface object itself.
    const typeOf = (node) => {
      if (node?.type === "NewExpression" && isGlobal(node.callee)) return { name: node.callee.name };
      if (node?.type === "Literal" && node.regex) return { name: "RegExp" };
      if (isGlobal(node)) {
        if (WINDOW.has(node.name)) return { name: "Window" };
        if (Object.hasOwn(INSTANCES, node.name)) return { name: INSTANCES[node.name] };
        return { name: node.name, isStatic: true };
      }
      const defs = node?.type === "Identifier" ? variableOf(node)?.defs ?? [] : [];
      const [{ node: made, parent } = {}] = defs;
      const isMadeHere = defs.length === 1 && parent?.kind === "const" && made.id.type === "Identifier";
      if (isMadeHere && made.init?.type === "NewExpression") return typeOf(made.init);
      // By its name, since sets and maps have a size too.
      const name = node?.name ?? node?.property?.name ?? "";
      return /(query|params)$/i.test(name) ? { name: "URLSearchParams" } : null;
    };
    const check = (node, object, name) => {
      const type = typeOf(object);
      const members = type && interfaceOf(type.name);
      // Another rule reports the name of the interface.
      if (members && !isEverywhere(members)) return;
      const event = name.startsWith("on") ? `${name.slice(2)}_event` : "";
      const known = members && (type.isStatic ? own(members, `${name}_static`) ?? own(members, name)
        : own(members, name) ?? own(members, event));
      const global = type?.name === "Window" ? interfaceOf(name) : null;
      const entry = known ?? global;
      if (entry) {
        if (!isEverywhere(entry)) report(node, name, known ? `${type.name}.${name}` : name);
        return;
      }
      const isCalled = node.parent.parent.type === "CallExpression" && node.parent.parent.callee === node.parent;
      const found = holders.get(name) ?? [];
      // Iterators are results of calls. Other objects may have functions with the same names.
      const isIterator = object?.type === "CallExpression";
      const lacking = found.find(({ of, isLanguage }) => !isLanguage || (isCalled && (of !== "Iterator" || isIterator)));
      if (lacking && !found.some(({ isThere }) => isThere)) report(node, name, lacking.name);
    };
    const named = (key, computed) => (key.type === "Literal" ? String(key.value) : computed ? null : key.name);
    return {
      MemberExpression({ object, property, computed }) {
        const name = named(property, computed);
        if (name) check(property, object, name);
      },
      "VariableDeclarator > ObjectPattern > Property"({ key, computed, parent }) {
        const name = named(key, computed);
        if (name) check(key, parent.parent.init, name);
      },
      "CallExpression[callee.name='addEventListener'], CallExpression[callee.property.name='addEventListener']"({ arguments: [event] }) {
        if (event?.type !== "Literal") return;
        const found = Object.entries(api).map(([of, entry]) => own(entry, `${event.value}_event`)).filter(Boolean);
        if (found.length && !found.some(isEverywhere)) report(event, event.value, `the event ${event.value}`);
      },
      "Program:exit"(program) {
        const scope = sourceCode.getScope(program);
        const used = [...scope.through, ...scope.variables.filter(({ defs }) => !defs.length)
          .flatMap(({ references }) => references)];
        for (const { identifier } of used) {
          const entry = interfaceOf(identifier.name) ?? own(api.Window, identifier.name) ?? own(api, identifier.name);
          if (entry && !isEverywhere(entry)) report(identifier, identifier.name, identifier.name);
        }
      },
    };
  },
};

export default [
  { ignores: ["**/idiomorph.js"] },
  js.configs.recommended,
  compat.configs["flat/recommended"],
  esx.configs["flat/restrict-to-es2021"],
  esx.configs["flat/restrict-to-es2021-intl-api"],
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2021, sourceType: "script", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { browsers: { rules: { members } } },
    settings: { browsers: BROWSERS, polyfills: Object.keys(OPTIONAL) },
    rules: {
      "browsers/members": "error",
      // Part of ES2018, but Safari has this only since 16.4.
      "es-x/no-regexp-lookbehind-assertions": "error",
      eqeqeq: "error",
      "no-implicit-globals": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
