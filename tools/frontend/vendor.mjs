// Makes static/vendor and static/icons.svg from the pinned packages. A developer runs it when a version or the list of
// icons changes, and commits the result; the product itself needs no Node.
//   cd tools/frontend && npm ci --ignore-scripts && npm run vendor

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import browserslist from "browserslist";
import { browserslistToTargets, transform } from "lightningcss";
import { PurgeCSS } from "purgecss";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const modules = join(here, "node_modules");
const out = join(root, "static/vendor");
const pins = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const version = (name) => (pins.dependencies[name] ?? pins.devDependencies[name]);
const read = (name, file) => readFileSync(join(modules, name, file));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const manifest = {};

function folder(name) {
  return `${name.replace(/^@/, "").replace("/", "-")}-${version(name)}`;
}

function write(name, logical, bytes, source, compress = true) {
  const hash = sha256(bytes);
  const [stem, ext] = [logical.replace(/\.[^.]+$/, ""), logical.split(".").pop()];
  const path = `${folder(name)}/${basename(stem)}.${hash.slice(0, 10)}.${ext}`;
  const file = join(out, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  if (compress) {
    writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
  }
  manifest[logical] = { path, package: name, version: version(name), source, sha256: hash, bytes: bytes.length };
  return path;
}

function licence(name) {
  for (const file of ["LICENSE", "LICENSE.md", "LICENSE.txt", "license.md"]) {
    if (existsSync(join(modules, name, file))) {
      mkdirSync(join(out, folder(name)), { recursive: true });
      writeFileSync(join(out, folder(name), "LICENSE"), read(name, file));
      return;
    }
  }
  // The package declares MIT but ships no licence file: the licence's text under the copyright lines of its own banner.
  const banner = read(name, "dist/css/tabler.css").toString().match(/Copyright .*/g)?.slice(0, 2);
  if (JSON.parse(read(name, "package.json")).license !== "MIT" || !banner) throw new Error(`${name} has no licence file.`);
  const mit = read("@tabler/icons-sprite", "LICENSE").toString();
  mkdirSync(join(out, folder(name)), { recursive: true });
  writeFileSync(join(out, folder(name), "LICENSE"), mit.replace(/^Copyright .*$/m, banner.join("\n")));
}

// Whole families of the kit that no page of ours can use. Everything else stays, so that a page written later looks right.
const UNUSED = [
  "carousel", "apexcharts", "jvm", "jvectormap", "ts-", "tomselect", "dropzone", "fslightbox", "plyr", "tox", "star-rating", "gl-star",
  "litepicker", "flag-", "payment", "social-", "browser-", "device-", "noUi", "nouislider", "coloris", "clr-", "signature", "typed", "countup",
  "autosize", "fc-", "fullcalendar", "turbo", "clipboard", "marquee", "gallery", "img-comparison", "driver", "hugerte", "pricing",
  "chat", "ribbon", "stamp", "apex", "table-mobile", "placeholder", "popover", "accordion", "page-pretitle",
  "bg-gradient", "text-bg", "link-", "border-", "shadow-", "btn-facebook", "btn-twitter", "btn-google", "btn-youtube", "btn-vimeo", "btn-dribbble",
  "btn-github", "btn-instagram", "btn-pinterest", "btn-vk", "btn-rss", "btn-flickr", "btn-bitbucket", "btn-tabler", "btn-x", "btn-outline", "btn-ghost",
  "avatar", "tracking", "sparkline", "legend-", "illustration", "chip", "card-stamp", "card-cover", "card-sponsor", "divide-", "space-", "hr-text", "navbar", "nav-tabs", "nav-pills",
  "list-group-transparent", "badge-outline", "timeline", "steps", "progress-bar", "spinner-grow", "toast", "form-imagecheck", "form-colorinput", "form-selectgroup",
  "modal", "markdown", "prose", "swatch", "kbd", "vr", "datagrid", "demo-", "antialiased", "sticky-", "loader", "icon-pulse", "icon-tada", "icon-rotate", "empty",
];
const isUnused = (name) => UNUSED.some((start) => name.startsWith(start));

async function kit() {
  const targets = browserslistToTargets(browserslist("chrome 111, safari 16.4, ios_saf 16.4, firefox 121"));
  const fonts = fontFaces();
  for (const [logical, file] of [["kit.ltr.css", "dist/css/tabler.min.css"], ["kit.rtl.css", "dist/css/tabler.rtl.min.css"]]) {
    const raw = read("@tabler/core", file).toString().replace(/\/\*# sourceMappingURL.*?\*\//, "").replace(/@charset "[^"]*";/, "");
    const classes = new Set([...raw.matchAll(/\.(-?[_a-zA-Z][\w-]*)/g)].map((match) => match[1]));
    const keep = [...classes].filter((name) => !isUnused(name));
    const [purged] = await new PurgeCSS().purge({
      content: [{ raw: keep.join(" "), extension: "txt" }],
      css: [{ raw }],
      defaultExtractor: (text) => text.split(/\s+/),
      safelist: { standard: [...keep, /^:/, "html", "body", "dir", "data-bs-theme", ...HTML_TAGS] },
      keyframes: true,
      variables: false,
    });
    const { code } = transform({ filename: logical, code: Buffer.from(fonts + purged.css), minify: true, targets });
    write("@tabler/core", logical, code, file);
  }
  licence("@tabler/core");
}

const HTML_TAGS = ("a abbr address article aside audio b bdi bdo blockquote body button canvas caption cite code col colgroup dd del details dfn dialog div dl dt em fieldset " +
  "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr html i iframe img input ins kbd label legend li link main mark meter nav ol optgroup option output p path picture pre " +
  "progress q rect s samp section select small source span strong sub summary sup svg table tbody td template textarea tfoot th thead time tr u ul use var video").split(" ");

// One family name per script file: the browser fetches only what a page's letters need.
const FONTS = [
  ["@fontsource-variable/inter", "inter-latin", "Inter", "U+0000-00FF,U+0131,U+0152-0153,U+02BB-02BC,U+02C6,U+02DA,U+02DC,U+0304,U+0308,U+0329,U+2000-2065,U+206A-206F,U+20AC,U+2122,U+2191,U+2193,U+2212,U+2215,U+FEFF,U+FFFD"],
  ["@fontsource-variable/inter", "inter-latin-ext", "Inter", "U+0100-0130,U+0132-0151,U+0154-02BA,U+02BD-02C5,U+02C7-02CC,U+02CE-02D7,U+02DD-02FF,U+1D00-1DBF,U+1E00-1E9F,U+1EF2-1EFF,U+2C60-2C7F,U+A720-A7FF"],
  ["@fontsource-variable/inter", "inter-cyrillic", "Inter", "U+0301,U+0400-045F,U+0490-0491,U+04B0-04B1,U+2116"],
  ["@fontsource-variable/inter", "inter-cyrillic-ext", "Inter", "U+0460-048F,U+0492-04AF,U+04B2-052F,U+1C80-1C8A,U+20B4,U+2DE0-2DFF,U+A640-A69F,U+FE2E-FE2F"],
  ["@fontsource-variable/vazirmatn", "vazirmatn-arabic", "Vazirmatn", "U+0600-06FF,U+0750-077F,U+0870-088E,U+0890-0891,U+0897-08E1,U+08E3-08FF,U+200C-200E,U+2010-2011,U+204F,U+2E41,U+FB50-FDFF,U+FE70-FE74,U+FE76-FEFC"],
];

function fontFaces() {
  return FONTS.map(([name, stem, family, range]) => {
    const file = `files/${stem}-wght-normal.woff2`;
    const path = write(name, `${stem}.woff2`, read(name, file), file, false);
    licence(name);
    return `@font-face{font-family:"${family}";font-style:normal;font-weight:100 900;font-display:swap;src:url("../${path}") format("woff2");unicode-range:${range}}`;
  }).join("\n");
}

function scripts() {
  const strip = (bytes) => Buffer.from(bytes.toString().replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n"));
  for (const [name, logical, file] of [
    ["bootstrap", "bootstrap.bundle.min.js", "dist/js/bootstrap.bundle.min.js"],
    ["htmx.org", "htmx.min.js", "dist/htmx.min.js"],
    ["htmx.org", "hx-sse.min.js", "dist/ext/hx-sse.min.js"],
    ["htmx.org", "hx-preload.min.js", "dist/ext/hx-preload.min.js"],
    ["htmx.org", "hx-ptag.min.js", "dist/ext/hx-ptag.min.js"],
    ["uplot", "uPlot.iife.min.js", "dist/uPlot.iife.min.js"],
    ["uplot", "uPlot.min.css", "dist/uPlot.min.css"],
  ]) {
    write(name, logical, strip(read(name, file)), file);
    licence(name);
  }
}

function icons() {
  const sprite = read("@tabler/icons-sprite", "dist/tabler-sprite.svg").toString();
  const names = readFileSync(join(here, "icons.txt"), "utf8").split("\n").filter(Boolean);
  const symbols = names.map((name) => {
    const found = sprite.match(new RegExp(`<symbol id="tabler-${name}"[^>]*>([\\s\\S]*?)</symbol>`));
    if (!found) throw new Error(`There is no icon ${name}.`);
    const shapes = found[1].replace(/\s+/g, " ").replace(/> </g, "><").trim();
    return `<symbol id="i-${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  });
  const svg = Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
  write("@tabler/icons-sprite", "icons.svg", svg, "dist/tabler-sprite.svg");
  licence("@tabler/icons-sprite");
}

function axe() {
  const target = join(root, "tests/browser/vendor");
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "axe.min.js"), read("axe-core", "axe.min.js"));
  writeFileSync(join(target, "LICENSE"), read("axe-core", "LICENSE"));
  writeFileSync(join(target, "vendor.json"), JSON.stringify({ "axe.min.js": { package: "axe-core", version: version("axe-core"), sha256: sha256(read("axe-core", "axe.min.js")) } }, null, 2) + "\n");
}

rmSync(out, { recursive: true, force: true });
await kit();
scripts();
icons();
axe();
writeFileSync(join(out, "vendor.json"), JSON.stringify(Object.fromEntries(Object.entries(manifest).sort()), null, 2) + "\n");
for (const [logical, { path, bytes }] of Object.entries(manifest).sort()) {
  const br = existsSync(join(out, `${path}.br`)) ? readFileSync(join(out, `${path}.br`)).length : bytes;
  console.log(logical.padEnd(28), String(bytes).padStart(8), String(br).padStart(7));
}
