"use strict";
/*
 * What moves in the page: the playground and the browser of mistakes. All text goes in by textContent, so that a story
 * stays text whatever is in it; classes and custom properties are set, never markup.
 */

const ATTENDED = 0.05; // the smallest gate that counts; as in dmn_cli/report/prediction.py
const END = "(end of passes)";
const SLICE = 12; // milliseconds of computing between two frames

const byId = (id) => document.getElementById(id);
const percent = (part) => (part >= 0.9995 ? "> 99.9 %" : part < 0.0005 ? "< 0.1 %" : `${(100 * part).toFixed(1)} %`);

/** An element with a class, attributes and children; a string is text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The heat map --------------------------------------------------------------------------------------------------------

/** One gate: its colour, and its figure with two digits. */
function cell(gate) {
  if (gate === null) return make("td", {}, make("span", { "aria-label": "out of sight" }, ""));
  const text = gate >= 0.995 ? "1" : gate < 0.005 ? "·" : gate.toFixed(2).slice(1);
  const shade = gate >= 0.5 ? "strong" : gate >= 0.005 ? "some" : "none";
  const span = make("span", { class: shade, title: gate.toFixed(4) }, text);
  span.style.setProperty("--gate", gate.toFixed(3));
  return make("td", {}, span);
}

/** The header of a heat map: what its rows are, then the passes; `kinds` says free, end or nothing. */
function heads(first, kinds) {
  const passes = kinds.map((kind, number) => {
    const name = make("th", { scope: "col" }, make("span", { class: "pass" }, "pass "), String(number + 1));
    if (kind === "free" || kind === "end") name.append(make("small", {}, kind));
    return name;
  });
  return make("tr", {}, ...first, ...passes);
}

/** Facts down, passes across; supporting facts have a star. */
function heatTable(caption, facts, gates, kinds, supporting) {
  const rows = facts.map((fact, t) => {
    const star = make("th", { class: "mark" }, supporting.includes(t) ? "★" : "");
    if (supporting.includes(t)) star.title = "supporting fact";
    const text = supporting.includes(t) ? [fact, make("span", { class: "hidden" }, " (supporting fact)")] : [fact];
    return make("tr", {}, star, make("th", { scope: "row" }, ...text), ...gates.map((pass) => cell(pass[t] ?? null)));
  });
  return make("table", { class: "heat" },
    make("caption", { class: "hidden" }, caption),
    make("thead", {}, heads([make("td"), make("td")], kinds)),
    make("tbody", {}, ...rows));
}

/** What each pass attended to most, as list items. */
function attention(gates, kinds, facts) {
  return gates.map((pass, number) => {
    const most = argmax(pass);
    const kind = kinds[number] === "free" || kinds[number] === "end" ? ` ${kinds[number]}` : "";
    const found = pass[most] >= ATTENDED;
    const what = kinds[number] === "end" ? "enough: it stops" : found ? facts[most] : "no fact";
    return make("li", {},
      make("span", { class: "which" }, `pass ${number + 1}${kind}`),
      make("span", {}, what),
      make("span", { class: "part" }, found ? percent(pass[most]) : ""));
  });
}

// The playground ------------------------------------------------------------------------------------------------------

/** Lines of a story as facts: numbers before them are taken off; blank lines and questions are none. */
function factsOf(text, words) {
  const lines = text.split("\n");
  const clean = lines.map((line) => line.replace(/^ *[0-9]+[ \t]+/, "").trim());
  const at = [...lines.keys()].filter((n) => words(clean[n]).length && !clean[n].endsWith("?") && !clean[n].includes("\t"));
  return { lines, facts: at.map((n) => clean[n]), at };
}

class Playground {
  constructor(network, weights, { samples, passes }) {
    this.dmn = new DMN(network, decodeBase64(weights));
    this.words = (text) => this.dmn.words(text);
    this.samples = samples;
    this.kindOf = passes;
    this.turn = 0;
    this.truth = null;
    this.gates = [];
    this.lines = [];
    this.kinds = [];
    this.story = byId("story");
    this.question = byId("question");
    this.story.addEventListener("input", () => this.edited(true));
    this.question.addEventListener("input", () => this.edited(false));
    this.story.addEventListener("paste", (event) => this.paste(event));
    this.story.addEventListener("scroll", () => this.placeMarks());
    // where the editor stands is kept: to read it between two changes of the page would lay it out once more
    const editor = byId("editor");
    editor.addEventListener("scroll", () => ((this.above = editor.scrollTop), this.drawRows()));
    new ResizeObserver(() => ((this.height = editor.clientHeight), this.drawRows())).observe(editor);
    this.above = 0;
    this.height = editor.clientHeight;
    byId("end-of-passes").hidden = !this.dmn.end;
    const select = byId("task");
    for (const [at, { task, name }] of samples.entries()) {
      select.append(make("option", { value: at }, task ? `task ${task}: ${name}` : name));
    }
    select.addEventListener("change", () => ((this.turn = 0), this.sample()));
    byId("another").addEventListener("click", () => (this.turn++, this.sample()));
    byId("clear").addEventListener("click", () => (this.set([], "", null), this.story.focus()));
    if (samples.length) this.sample();
    else {
      document.querySelector(".controls .task").hidden = byId("another").hidden = true;
      this.set([], "", null);
    }
  }

  sample() {
    const { stories } = this.samples[byId("task").value];
    const { facts, question, gold, supporting } = stories[this.turn % stories.length];
    this.set(facts, question, { gold, supporting });
  }

  /** Show a story and a question; truth: the true answer and the supporting facts, where they are known. */
  set(facts, question, truth) {
    this.story.value = facts.join("\n");
    this.question.value = question;
    this.truth = truth;
    this.update();
  }

  edited(story) {
    this.truth = story || !this.truth ? null : { gold: null, supporting: [] };
    this.pending = true;
    this.next(() => this.update());
  }

  /** Do this before the next frame, and nothing else that was to be done. */
  next(what) {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(what);
  }

  /** A long text goes in at once: Chromium's own way takes seconds for a thousand lines. */
  paste(event) {
    const text = event.clipboardData.getData("text/plain");
    if (text.length < 10000) return;
    event.preventDefault();
    this.story.setRangeText(text, this.story.selectionStart, this.story.selectionEnd, "end");
    this.edited(true);
  }

  /** What is typed is shown at once; the answer follows, at once too if it takes but a slice. */
  update() {
    this.pending = true;
    const { lines, facts, at } = factsOf(this.story.value, this.words);
    const question = this.question.value, asks = facts.length && this.words(question).length;
    if (lines.length !== this.lines.length) this.story.style.height = `calc(${lines.length} * var(--row))`;
    this.lines = lines;
    this.go(asks ? this.dmn.asking(facts, question) : [][Symbol.iterator](), (asked) => {
      this.kinds = asked ? asked.gates.map((pass, number) => this.kind(pass, number)) : [];
      this.spread(asked, at, facts);
      this.drawHead();
      this.drawRows();
      this.drawAnswer(asked, facts);
      this.drawWarning(facts, question);
    });
  }

  /** Work for a slice of time in every frame; a later edit takes its place. */
  go(work, done) {
    const until = performance.now() + SLICE;
    for (;;) {
      const step = work.next();
      if (step.done) {
        done(step.value);
        this.pending = false;
        byId("ask").ariaBusy = "false";
        return;
      }
      if (performance.now() > until) break;
    }
    if (byId("ask").ariaBusy !== "true") this.drawRows(); // the lines, with the gates that were
    byId("ask").ariaBusy = "true";
    this.next(() => this.go(work, done));
  }

  kind(pass, number) {
    if (!this.kindOf.taught) return "";
    if (number < this.kindOf.free) return "free";
    return this.dmn.end && argmax(pass) === pass.length - 1 ? "end" : "taught";
  }

  /** The gates by line of the story. Where a fact is a word, a line shows the largest of its words'. */
  spread(asked, at, facts) {
    this.gates = this.lines.map(() => null);
    this.endGates = asked && this.dmn.end ? asked.gates.map((pass) => pass.at(-1)) : null;
    if (!asked) return;
    let t = -asked.first;
    at.forEach((line, fact) => {
      const count = this.dmn.facts === "word" ? this.words(facts[fact]).length : 1;
      const seen = Array.from({ length: count }, (_, n) => t + n).filter((n) => n >= 0);
      this.gates[line] = asked.gates.map((pass) => (seen.length ? Math.max(...seen.map((n) => pass[n])) : null));
      t += count;
    });
  }

  drawHead() {
    byId("gates").tHead.replaceChildren(heads([make("td")], this.kinds));
  }

  /** The rows in sight, of a story of any length; those above and below are two empty rows of their height. */
  drawRows() {
    const row = 30, count = this.lines.length;
    const from = Math.max(0, Math.floor(this.above / row) - 10);
    const to = Math.min(count, Math.ceil((this.above + this.height) / row) + 10);
    const supporting = this.truth?.supporting ?? [];
    const rows = [], marks = [];
    const gap = (lines) => {
      const empty = make("tr", { "aria-hidden": "true" }, make("td", { colspan: 1 + this.kinds.length }));
      empty.firstChild.style.height = `${lines * row}px`;
      return empty;
    };
    if (from > 0) rows.push(gap(from));
    for (let line = from; line < to; line++) {
      const star = supporting.includes(line);
      const name = make("th", { scope: "row", class: "mark" }, make("span", { class: "hidden" }, this.lines[line]));
      if (star) name.append(make("span", { class: "star", title: "supporting fact" }, "★"));
      rows.push(make("tr", {}, name, ...(this.gates[line] ?? this.kinds.map(() => null)).map(cell)));
      const unknown = this.unknownIn(this.lines[line]);
      if (unknown) marks.push(this.mark(line, unknown));
    }
    if (to < count) rows.push(gap(count - to));
    const shortBy = 4 - count; // the text area has four lines at least
    if (shortBy > 0) rows.push(gap(shortBy));
    if (this.endGates) {
      const name = make("th", { scope: "row", class: "mark" }, make("span", { class: "hidden" }, END));
      rows.push(make("tr", {}, name, ...this.endGates.map(cell)));
    }
    byId("gates").tBodies[0].replaceChildren(...rows);
    byId("marks").replaceChildren(...marks);
  }

  unknownIn(line) {
    const unknown = this.dmn.unknown(line.replace(/^ *[0-9]+[ \t]+/, ""));
    return unknown.length ? new Set(unknown) : null;
  }

  /** The line again, without colour, under the text area: only the waves below its unknown words are seen. */
  mark(line, unknown) {
    const isUnknown = (part) => this.words(part).some((word) => unknown.has(word));
    const parts = this.lines[line].split(/(\s+)/).map((part) => (isUnknown(part) ? make("mark", {}, part) : part));
    const element = make("div", {}, ...parts);
    element.style.top = `${line * 30}px`;
    return element;
  }

  placeMarks() {
    byId("marks").style.transform = `translateX(${-this.story.scrollLeft}px)`;
  }

  drawAnswer(asked, facts) {
    const output = byId("answer"), passes = byId("passes"), small = byId("words-of-facts");
    output.replaceChildren();
    passes.replaceChildren();
    small.replaceChildren();
    if (!asked) return;
    const [first, ...others] = asked.answers;
    output.append(
      make("div", { class: "first" }, first.answer || "(nothing)"),
      make("div", { class: "sure" }, `probability ${percent(first.probability)}`));
    if (this.truth?.gold) {
      const right = this.dmn.isRight(this.truth.gold, first.answer);
      output.append(make("div", { class: `truth ${right ? "right" : "wrong"}` }, `${right ? "✓" : "✗"} true answer: ${this.truth.gold}`));
    }
    const table = make("table", { "aria-label": "next likeliest answers" });
    for (const { answer, probability } of others) {
      table.append(make("tr", {}, make("td", {}, answer || "(nothing)"),
        make("td", {}, make("meter", { value: probability.toFixed(4), "aria-hidden": "true" })),
        make("td", { class: "number" }, percent(probability))));
    }
    output.append(table);
    const byWord = this.dmn.facts === "word";
    const all = byWord ? facts.flatMap(this.words) : facts;
    const attended = [...all.slice(asked.first), ...(this.dmn.end ? [END] : [])];
    passes.append(...attention(asked.gates, this.kinds, attended));
    if (byWord && attended.length <= 200) small.append(heatTable("Gates of every word", attended, asked.gates, this.kinds, []));
    const counts = (pass, number) => this.kinds[number] !== "end" && pass.slice(0, attended.length - (this.dmn.end ? 1 : 0)).some((gate) => gate >= ATTENDED);
    this.blind = !asked.gates.some(counts);
    this.unseen = asked.first;
  }

  drawWarning(facts, question) {
    const said = [];
    const unknown = [...new Set([...facts, question].flatMap((text) => this.dmn.unknown(text)))];
    if (!facts.length) said.push("Write a story, a fact per line.");
    else if (!this.words(question).length) said.push("Write a question.");
    else {
      if (this.blind) said.push("No fact was attended to: the answer rests on the question alone.");
      if (this.unseen) said.push(`The first ${this.unseen} facts are too far back: this network attends to the last ${this.dmn.max_facts}.`);
    }
    if (unknown.length) said.push(`Never seen in training: ${unknown.slice(0, 12).join(", ")}${unknown.length > 12 ? " …" : "."}`);
    byId("warning").hidden = !said.length;
    byId("warning").textContent = said.join(" ");
  }
}

// The mistakes --------------------------------------------------------------------------------------------------------

class Mistakes {
  constructor(mistakes, groupings, open) {
    this.mistakes = mistakes;
    this.groupings = groupings;
    this.several = mistakes.some(({ task }) => task !== mistakes[0].task);
    this.open = open; // a function that shows a mistake in the playground, or null
    for (const button of document.querySelectorAll(".filter")) button.addEventListener("click", () => this.filter(button));
    byId("all").addEventListener("click", () => this.filter(null));
    byId("list").addEventListener("keydown", (event) => this.step(event));
    this.filter(null);
  }

  /** List the mistakes of a group or of a pair of answers; pressed again, or null: all. */
  filter(button) {
    const again = button?.getAttribute("aria-pressed") === "true";
    for (const other of document.querySelectorAll(".filter")) other.setAttribute("aria-pressed", "false");
    const chosen = again ? null : button;
    chosen?.setAttribute("aria-pressed", "true");
    const { grouping, group, gold, given } = chosen?.dataset ?? {};
    const at = this.groupings.indexOf(grouping);
    const fits = (one) => !chosen || (grouping ? one.groups[at] === group : one.gold === gold && one.answers[0][0] === given);
    const shown = this.mistakes.filter(fits);
    const by = !chosen ? "" : grouping ? ` · ${grouping}: ${group}` : ` · ${gold} taken for ${given}`;
    byId("showing").textContent = `${shown.length} of ${this.mistakes.length}${by}`;
    byId("all").hidden = !chosen;
    byId("list").replaceChildren(...shown.map((one) => this.item(one)));
    byId("mistake").replaceChildren();
    byId("list").querySelector("button")?.click();
    if (button) byId("list").scrollIntoView({ block: "nearest" });
  }

  item(one) {
    const task = this.several ? `task ${one.task} · ` : "";
    const button = make("button", { type: "button" }, one.question, make("small", {}, `${task}${one.gold} → ${one.answers[0][0] || "(nothing)"}`));
    button.addEventListener("click", () => {
      for (const other of byId("list").querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      this.show(one);
    });
    return make("li", {}, button);
  }

  /** Up and down go through the list. */
  step(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    const buttons = [...byId("list").querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    event.preventDefault();
    next?.focus();
    next?.click();
  }

  show(one) {
    const [[answer, probability], ...others] = one.answers;
    const next = others.map(([text, part]) => `${text || "(nothing)"} ${percent(part)}`).join(", ");
    const story = heatTable(`Story and gates: ${one.question}`, one.facts, one.gates, one.passes, one.supporting);
    const article = byId("mistake");
    article.replaceChildren(
      make("h3", {}, one.question),
      make("p", { class: "lead" },
        "true ", make("strong", { class: "right" }, one.gold), " · given ", make("strong", { class: "wrong" }, answer || "(nothing)"),
        ` ${percent(probability)}${next ? ` · then ${next}` : ""}${one.place ? ` · ${one.place}` : ""}`),
      make("div", { class: "story-of", tabindex: "0", role: "group", "aria-label": "story" }, story));
    const star = article.querySelector(".heat .mark[title]"), frame = article.querySelector(".story-of");
    if (star) { // of a long story the first supporting fact is in sight
      frame.scrollTop = Math.max(0, star.getBoundingClientRect().top - frame.getBoundingClientRect().top - 200);
      article.append(make("p", { class: "legend" }, "★ supporting fact"));
    }
    if (one.unknown.length) article.append(make("p", { class: "note" }, `Never seen in training: ${one.unknown.join(", ")}.`));
    if (this.open?.(one)) {
      const button = make("button", { type: "button" }, "Open in the playground");
      button.addEventListener("click", this.open(one));
      article.append(button);
    }
  }
}

// ---------------------------------------------------------------------------------------------------------------------

function start() {
  const data = JSON.parse(byId("data").textContent);
  const playground = data.network ? new Playground(data.network, byId("weights").textContent, data) : null;
  window.playground = playground; // for the tests, and for who is curious in the console
  const tasks = data.samples.map(({ task }) => task);
  const open = (one) => {
    if (!playground || data.network.facts === "word" || !tasks.includes(one.task)) return null;
    return () => {
      playground.set(one.facts.filter((fact) => fact !== END), one.question, { gold: one.gold, supporting: one.supporting });
      byId("ask").scrollIntoView();
      byId("question").focus({ preventScroll: true });
    };
  };
  if (data.mistakes.length) new Mistakes(data.mistakes, data.groupings, open);
}

start();
