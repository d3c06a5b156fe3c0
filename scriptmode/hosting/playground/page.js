// The playground: reads what the endpoint says of itself, sends, and shows what comes back.

const at = (id) => document.getElementById(id);
const MOST_COLUMNS = 60, MOST_ROWS = 500, MOST_BARS = 200;
const LINES = 500, BYTES = 1 << 20; // of one request of a file
const STAGES = ["queue", "decode", "align", "predict", "encode"];

const state = { content: {}, columns: [], held: null, stopped: false };

// What the endpoint says of itself ---------------------------------------------------------------

async function ready() {
  for (;;) {
    const answer = await fetch("ping", { cache: "no-store" }).catch(() => null);
    if (answer?.ok) { at("state").textContent = "the model is ready"; return; }
    const told = answer ? await answer.json().catch(() => ({})) : {};
    at("state").textContent = told.message ?? "the server does not answer";
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function describe() {
  const answer = await fetch("openapi.json", { cache: "no-store" });
  if (!answer.ok) { // functions by hand declare nothing
    at("content-type").value = "application/json";
    at("accept").value = "application/json";
    return showCode();
  }
  const post = (await answer.json()).paths["/invocations"].post;
  state.content = post.requestBody.content;
  state.columns = columnsOf(state.content["application/json"]?.schema);
  offer("content-types", Object.keys(state.content));
  offer("accepted", Object.keys(post.responses["200"].content));
  at("content-type").value = Object.keys(state.content)[0];
  at("accept").value = Object.keys(post.responses["200"].content)[0];
  showFields();
  showExample();
}

function offer(list, types) {
  at(list).replaceChildren(...types.map((type) => make("option", { value: type })));
}

// The columns are those of the layout that lists a row's cells in order.
function columnsOf(schema) {
  if (!schema || typeof schema !== "object") return [];
  const cells = schema.items?.prefixItems;
  if (Array.isArray(cells)) return cells.map(columnOf);
  for (const part of Object.values(schema)) {
    const found = columnsOf(part);
    if (found.length) return found;
  }
  return [];
}

function columnOf(cell) {
  const parts = [cell, ...(cell.anyOf ?? [])];
  const typed = parts.find((part) => part.type) ?? {};
  const types = [typed.type ?? []].flat();
  const choices = cell.enum ?? (types.length ? null : parts.find((part) => part.enum)?.enum);
  const isNumber = types.includes("number") || types.includes("integer");
  return {
    name: cell.title, note: cell.description, choices, isNumber,
    isText: types.includes("string") && !isNumber, minimum: typed.minimum, maximum: typed.maximum,
  };
}

function exampleOf(type) {
  const found = state.content[type] ?? {};
  const value = found.example ?? Object.values(found.examples ?? {})[0]?.value;
  return value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
}

// The request -------------------------------------------------------------------------------------

function showFields() {
  const { columns } = state;
  if (!columns.length || columns.length > MOST_COLUMNS) return;
  at("fields").hidden = false;
  at("columns").replaceChildren(...columns.map(field));
}

function field(column, index) {
  const input = column.choices
    ? make("select", {}, column.choices.map((each) => make("option", { textContent: String(each) })))
    : make("input", { inputMode: column.isNumber ? "decimal" : "text", autocomplete: "off" });
  input.id = `column-${index}`;
  input.addEventListener("input", fromFields);
  const bounds = [column.minimum, column.maximum].map((bound) => bound ?? "…");
  const note = column.note ?? (bounds.some((bound) => bound !== "…") ? bounds.join(" to ") : "");
  return make("label", {}, [column.name, input, make("small", { textContent: note })]);
}

function fromFields() {
  const values = state.columns.map((column, index) => {
    const text = at(`column-${index}`).value;
    if (column.choices) return column.choices.find((each) => String(each) === text);
    if (text.trim() === "") return null;
    return column.isText || Number.isNaN(Number(text)) ? text : Number(text);
  });
  const example = exampleOf("application/json");
  at("content-type").value = "application/json";
  at("body").value = JSON.stringify(filled(example ? JSON.parse(example) : [[]], values));
  showCode();
}

// An example with other cells, in whatever layout it has.
function filled(example, values) {
  const names = state.columns.map((column) => column.name);
  const isRow = (part) => part && typeof part === "object" && names.some((name) => name in part);
  if (Array.isArray(example)) {
    if (Array.isArray(example[0]) || !example.length) return [values];
    if (isRow(example[0])) return [Object.fromEntries(names.map((name, i) => [name, values[i]]))];
    return typeof example[0] === "object" ? [filled(example[0], values)] : values;
  }
  if (isRow(example)) {
    const wrap = Array.isArray(Object.values(example)[0]) ? (cell) => [cell] : (cell) => cell;
    return Object.fromEntries(names.map((name, i) => [name, wrap(values[i])]));
  }
  return Object.fromEntries(Object.entries(example).map(([name, part]) =>
    [name, part && typeof part === "object" && name !== "columns" ? filled(part, values) : part]));
}

function showExample() {
  at("body").value = exampleOf(at("content-type").value);
  const example = exampleOf("application/json");
  const row = example ? flat(JSON.parse(example)) : [];
  state.columns.forEach((_, index) => {
    const input = at(`column-${index}`);
    if (input && row[index] !== undefined) input.value = row[index];
  });
  showCode();
}

function flat(value) {
  if (value === null || typeof value !== "object") return [value];
  if (value.columns && value.data) return flat(value.data);
  return Object.values(value).flatMap(flat);
}

function hold(file) {
  state.held = file ?? null;
  at("held").hidden = !file;
  at("body").disabled = Boolean(file);
  at("held-name").textContent = file ? `${file.name}, ${file.size} bytes` : "";
  showCode();
}

async function ask(body) {
  const headers = { "content-type": at("content-type").value, accept: at("accept").value || "*/*" };
  const started = performance.now();
  const answer = await fetch("invocations", { method: "POST", body, headers });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  return { answer, bytes, milliseconds: performance.now() - started };
}

async function send(event) {
  event?.preventDefault();
  at("send").disabled = true;
  try {
    show(await ask(state.held ?? at("body").value));
  } catch (error) {
    at("status").replaceChildren(make("span", { className: "bad", textContent: "no answer" }), ` ${error.message}`);
  } finally {
    at("send").disabled = false;
  }
}

// The answer --------------------------------------------------------------------------------------

function show({ answer, bytes, milliseconds }) {
  const type = answer.headers.get("content-type") ?? "";
  const isText = /^text\/|json|csv/.test(type);
  const text = isText ? new TextDecoder().decode(bytes) : `${bytes.length} bytes of ${type}`;
  const kind = answer.ok ? "good" : "bad";
  at("status").replaceChildren(
    make("span", { className: kind, textContent: `${answer.status} ${answer.statusText}` }),
    ` in ${milliseconds.toFixed(1)} ms, ${type}`);
  showTimes(answer.headers.get("server-timing"));
  at("raw").textContent = text;
  const rows = rowsOf(text, type, answer.ok);
  at("views").hidden = false;
  at("view-table").replaceChildren(rows.length ? tableOf(rows) : "There is no table in this answer.");
  at("view-chart").replaceChildren(chartOf(rows));
  choose(at(answer.ok && rows.length ? "tab-table" : "tab-raw"));
}

function showTimes(header) {
  const found = new Map((header ?? "").split(",").map((part) => {
    const [name, duration] = part.trim().split(";dur=");
    return [name, Number(duration)];
  }));
  const spent = STAGES.map((name) => found.get(name) ?? 0);
  const total = spent.reduce((sum, each) => sum + each, 0);
  at("times").hidden = !total;
  let left = 0;
  const bars = spent.map((each, index) => {
    const width = (each / total) * 100;
    left += width;
    return svg("rect", { x: left - width, y: 0, width, height: 10, class: `s${index + 1}` });
  });
  const keys = STAGES.map((name, index) => make("li", {}, [
    make("span", { className: `key s${index + 1}` }), `${name} ${spent[index].toFixed(3)} ms`]));
  const box = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", height: 12, "aria-hidden": "true" }, bars);
  at("times").replaceChildren(box, make("ul", {}, keys));
}

// Any answer as records of text cells.
function rowsOf(text, type, isFine) {
  if (!isFine) return [];
  if (/csv/.test(type)) return records(text).map((line) => cells(line));
  try {
    const lines = /jsonlines|jsonl|ndjson/.test(type) ? text.trim().split("\n").map((line) => JSON.parse(line)) : JSON.parse(text);
    return table(lines);
  } catch {
    return [];
  }
}

function table(value) {
  if (Array.isArray(value)) return value.map((row) => named(row));
  if (value && typeof value === "object") {
    const parts = Object.entries(value);
    const list = parts.find(([, part]) => Array.isArray(part));
    if (parts.length === 1 && list) return table(list[1]);
    if (list && parts.every(([, part]) => Array.isArray(part) && part.length === list[1].length)) {
      return list[1].map((_, row) => named(Object.fromEntries(parts.map(([name, part]) => [name, part[row]]))));
    }
    return [named(value)];
  }
  return [[String(value)]];
}

function named(row) {
  if (Array.isArray(row)) return row.flat(9).map(String);
  if (row && typeof row === "object") {
    const found = Object.values(row).flatMap((part) => named(part));
    found.names = Object.keys(row);
    return found;
  }
  return [String(row)];
}

function tableOf(rows) {
  const width = Math.max(...rows.slice(0, MOST_ROWS).map((row) => row.length));
  const names = rows[0].names?.length === width ? rows[0].names
    : Array.from({ length: width }, (_, index) => (width > 1 ? `output ${index + 1}` : "prediction"));
  const head = make("tr", {}, ["row", ...names].map((name) => make("th", { scope: "col", textContent: name })));
  const body = rows.slice(0, MOST_ROWS).map((row, index) =>
    make("tr", {}, [index + 1, ...row].map((cell) => make("td", { textContent: cell }))));
  const caption = rows.length > MOST_ROWS ? [make("caption", { textContent: `the first ${MOST_ROWS} of ${rows.length} rows` })] : [];
  return make("table", {}, [...caption, make("thead", {}, [head]), make("tbody", {}, body)]);
}

function chartOf(rows) {
  const isOne = rows.length === 1;
  const found = (isOne ? rows[0] : rows.map((row) => row[0])).map(Number);
  const shown = found.slice(0, MOST_BARS);
  if (!shown.length || shown.some(Number.isNaN)) return make("p", { className: "quiet", textContent: "There are no numbers to draw." });
  const low = Math.min(0, ...shown), high = Math.max(0, ...shown), span = high - low || 1;
  const width = 600, height = 240, step = width / shown.length;
  const y = (value) => 10 + ((high - value) / span) * (height - 20);
  const bars = shown.map((value, index) => {
    const title = svg("title", {}, [`${isOne ? rows[0].names?.[index] ?? `output ${index + 1}` : `row ${index + 1}`}: ${value}`]);
    return svg("rect", { x: 60 + index * step + step * .1, width: Math.max(step * .8, .5), y: Math.min(y(value), y(0)),
      height: Math.max(Math.abs(y(value) - y(0)), .5), class: "s1" }, [title]);
  });
  const lines = [high, 0, low].filter((value, index, all) => all.indexOf(value) === index).flatMap((value) => [
    svg("line", { x1: 55, x2: 660, y1: y(value), y2: y(value) }),
    svg("text", { x: 50, y: y(value) + 4, "text-anchor": "end" }, [value.toPrecision(4).replace(/\.?0+$/, "")])]);
  const label = `${isOne ? "The outputs of one row" : `The first output of ${shown.length} rows`}, from ${low} to ${high}`;
  return svg("svg", { viewBox: `0 0 670 ${height}`, role: "img", "aria-label": label }, [...lines, ...bars]);
}

// The same elsewhere ------------------------------------------------------------------------------

function showCode() {
  const type = at("content-type").value, accept = at("accept").value || "*/*";
  const { held } = state, body = at("body").value;
  const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const address = new URL("invocations", location.href).href;
  const data = held ? `--data-binary @${shell(held.name)}` : `--data-binary ${shell(body)}`;
  at("curl").textContent = `curl ${address} \\\n  -H ${shell(`Content-Type: ${type}`)} -H ${shell(`Accept: ${accept}`)} \\\n  ${data}`;
  const read = held ? `open(${JSON.stringify(held.name)}, "rb").read()` : `${JSON.stringify(body)}.encode()`;
  at("python").textContent = `import urllib.request\n\nrequest = urllib.request.Request(\n    ${JSON.stringify(address)},\n`
    + `    ${read},\n    {"Content-Type": ${JSON.stringify(type)}, "Accept": ${JSON.stringify(accept)}},\n)\nprint(urllib.request.urlopen(request).read().decode())`;
  at("boto3").textContent = `import boto3\n\nclient = boto3.client("sagemaker-runtime")  # endpoint_url=${JSON.stringify(location.origin)} asks this server\n`
    + `answer = client.invoke_endpoint(\n    EndpointName="my-endpoint",\n    Body=${read},\n    ContentType=${JSON.stringify(type)},\n    Accept=${JSON.stringify(accept)},\n)\nprint(answer["Body"].read().decode())`;
}

// A whole file ------------------------------------------------------------------------------------

// Records of CSV: a line break within quotes ends none.
function records(text) {
  const found = [];
  let start = 0, isQuoted = false;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '"') isQuoted = !isQuoted;
    else if (text[i] === "\n" && !isQuoted) { found.push(text.slice(start, i + 1)); start = i + 1; }
  }
  if (start < text.length) found.push(text.slice(start));
  return found.filter((line) => line.trim() !== "");
}

function cells(line) {
  return [...line.replace(/\r?\n$/, "").matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)]
    .map((found) => found[1]?.replaceAll('""', '"') ?? found[2]);
}

async function answerFile(file) {
  state.stopped = false;
  at("download").hidden = true;
  at("progress").hidden = at("stop").hidden = false;
  const lines = records(await file.text());
  const header = at("has-header").checked ? lines.shift() ?? "" : "";
  const answers = [];
  let done = 0;
  for (const group of groups(lines)) {
    if (state.stopped) break;
    const { answer, bytes } = await ask(header + group.join(""));
    if (!answer.ok) {
      const told = JSON.parse(new TextDecoder().decode(bytes));
      at("batch-status").textContent = `lines ${done + 1} to ${done + group.length} were refused with ${answer.status}: ${told.message}`;
      break;
    }
    answers.push(bytes);
    done += group.length;
    at("progress").value = done / lines.length;
    at("batch-status").textContent = `${done} of ${lines.length} lines are answered`;
  }
  at("stop").hidden = true;
  if (answers.length) offerDownload(file.name, answers);
}

function* groups(lines) {
  let group = [], size = 0;
  for (const line of lines) {
    if (group.length && (group.length >= LINES || size + line.length > BYTES)) {
      yield group;
      group = []; size = 0;
    }
    group.push(line.endsWith("\n") ? line : `${line}\n`);
    size += line.length;
  }
  if (group.length) yield group;
}

// JSON of several requests is put together as JSON Lines would be: one answer a line.
function offerDownload(name, answers) {
  const parts = answers.flatMap((bytes) => (bytes.at(-1) === 10 ? [bytes] : [bytes, "\n"]));
  URL.revokeObjectURL(at("download").href);
  at("download").href = URL.createObjectURL(new Blob(parts));
  at("download").download = `${name}.out`;
  at("download").hidden = false;
}

// Pieces of the page ------------------------------------------------------------------------------

function make(tag, properties = {}, children = []) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function svg(tag, attributes = {}, children = []) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function choose(tab) {
  for (const each of tab.parentElement.children) {
    const isChosen = each === tab;
    each.setAttribute("aria-selected", isChosen);
    each.tabIndex = isChosen ? 0 : -1;
    at(each.getAttribute("aria-controls")).hidden = !isChosen;
  }
}

function onKey(event) {
  const tabs = [...event.currentTarget.children];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
  choose(next);
  next.focus();
}

function onDrop(target, take) {
  for (const name of ["dragover", "dragleave", "drop"]) {
    target.addEventListener(name, (event) => {
      event.preventDefault();
      target.classList.toggle("dragged", name === "dragover");
      if (name === "drop" && event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    });
  }
}

for (const list of document.querySelectorAll("[role=tablist]")) {
  list.addEventListener("keydown", onKey);
  for (const tab of list.children) tab.addEventListener("click", () => choose(tab));
}
at("form").addEventListener("submit", send);
at("form").addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send(event); });
at("example").addEventListener("click", () => { hold(null); showExample(); });
at("release").addEventListener("click", () => { hold(null); at("file").value = ""; });
at("file").addEventListener("change", () => hold(at("file").files[0]));
at("batch-file").addEventListener("change", () => { if (at("batch-file").files[0]) answerFile(at("batch-file").files[0]); });
at("stop").addEventListener("click", () => { state.stopped = true; });
at("copy").addEventListener("click", () => navigator.clipboard.writeText(document.querySelector("[id^=view-]:not([hidden]) > pre:not(#raw)").textContent));
for (const id of ["body", "content-type", "accept"]) at(id).addEventListener("input", showCode);
at("content-type").addEventListener("change", () => { if (!state.held && exampleOf(at("content-type").value)) showExample(); });
onDrop(at("body").parentElement, hold);
onDrop(at("drop"), answerFile);
await ready();
await describe();
