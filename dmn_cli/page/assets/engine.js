"use strict";
/*
 * The Dynamic Memory Network, one question at a time: the twin of tests/model/naive.py and of dmn_cli/model.
 *
 * Equations: arXiv 1506.07285 (DMN) and 1603.01417 (DMN+); what is ours says so. Weights are those of the checkpoint,
 * float32, under their names there. All numbers are kept in Float64Arrays: with one kind of array the loops are fast.
 * Vectors have H elements, the hidden size, where nothing else is said.
 *
 * What does not change between two keystrokes is kept. A piece is what is read at once, a sentence or a word: its
 * numbers and projections. A fact is {c}, the vector, and what follows from it and the question. Facts before the first
 * piece that changed are the same objects as before. What takes long is a generator that yields after every fact, so
 * that the page goes on taking keystrokes.
 */

const END_OF_FACT = 1; // the number of <eof> in the vocabulary; unknown words are 0
const LONGEST_ANSWER = 32;
const BEAM = 5; // answers in sight of the search for other answers
const MOST_KEPT = 20000; // sentences

// From text to words: the twin of dmn_cli/data (stories.py, words.py) ------------------------------------------------

const WORD = /([\p{L}\p{N}_]+(?:['’-][\p{L}\p{N}_]+)*)/gu;
const LETTER = String.raw`[\p{L}\p{M}\p{N}\p{Pc}\p{Join_Control}]`;
const DROPPED = String.raw`[\p{Terminal_Punctuation}\p{Quotation_Mark}¿¡…‥\p{Cc}[\p{Cf}--\p{Join_Control}]]`;
const PICTURE = String.raw`[\p{Extended_Pictographic}\p{Regional_Indicator}]`;
const at = (pattern) => new RegExp(pattern, "vy"); // found where it is looked for, or not at all
const BEGIN = at(LETTER);
const AFTER = at(String.raw`[\-+#*%‰°′″\p{Sc}\p{No}]+(?=[\s\p{Pe}]|${DROPPED}|$)`); // signs after a word: C++, 50%, m²
const EMOJI = at(PICTURE);
const BRACKET = at(String.raw`[\p{Ps}\p{Pe}]`);
const SIGN = String.raw`[^\s\p{Ps}\p{Pe}${LETTER}${DROPPED}${PICTURE}]`;
const PATTERNS = {
  2: { before: "", inside: [`-(?=${LETTER})`], signs: [`${SIGN}+`] },
  3: {
    before: "!",
    inside: [`-(?=${LETTER})`, String.raw`(?<=\p{N})(?::|\.\.)(?=\p{N})`], // 10:30
    signs: [
      String.raw`(?<!\S)[:;]-?[\p{Ps}\p{Pe}]+(?!\S)`, // :)
      ":{2,}",
      String.raw`(?:[!?:.]*${SIGN}+)+(?:[!?:]+(?=\s*[^\s\p{Cf}${DROPPED}]))?`, // != and <=
    ],
  },
};
for (const pattern of Object.values(PATTERNS)) {
  pattern.before = at(String.raw`[\-+#@\&~*\^\p{Sc}${pattern.before}]*\.?`); // signs before a word: -5, #1, .5
  for (const key of ["inside", "signs"]) pattern[key] = at(pattern[key].join("|"));
}
PATTERNS[4] = PATTERNS[3];
const FREE = /(^|[\s\p{Ps}])$/v; // what a sign before a word may follow
const UNSPACED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/v;
const TIGHT = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/v;
const INVISIBLE = /[\u00ad\u061c\u0640\u200e\u200f\u2060\ufeff\ufe0e\ufe0f\u202a-\u202e\u2066-\u2069]/g;
const GLUED = /\p{Script=Hangul}/v; // browsers cut between Hangul and other letters, Unicode does not
const FULL_WIDTH = /[[\uff01-\uff5e]--[！＂＇｀，：；？]]/gv;
const APOSTROPHE = /(?<=\p{L}\p{M}*)[′ʻʽʹꞌ՚׳](?=\p{L})/gu;
const THAI = /([\p{Script=Thai}&&[\p{L}\p{M}]]+)/v;
const DIGIT = /\p{Nd}/u;
const byWord = new Intl.Segmenter("en", { granularity: "word" });
const byLetter = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * The words of a text in lower case, by the rule of a vocabulary; see dmn_cli/data/words.py.
 *
 * By rule 4, Thai is cut into the longest words that are in `known`, a Map or Set: there is no dictionary here.
 */
function words(text, rule = 1, known = null) {
  if (rule === 1) return text.toLowerCase().match(WORD) ?? [];
  let same = text.normalize("NFC").replace(/[’‘ʼ´`＇]/g, "'").replace(/[‐‑−]/g, "-").replace(/\u200b/g, " ");
  if (rule > 2) {
    same = same.replace(FULL_WIDTH, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0));
    same = same.replace(/\p{Zs}/gu, " ").replace(/[‛｀]/g, "'").replace(/״/g, '"');
  }
  same = same.replace(INVISIBLE, "");
  if (rule > 2) same = same.replace(APOSTROPHE, "'");
  const parts = rule === 4 && known ? same.split(THAI) : [same]; // others and Thai by turns
  return parts
    .flatMap((part, at) => (at % 2 ? cut(part, known) : signedWords(part, PATTERNS[rule])))
    .map((word) => (rule > 2 ? digits(word) : word).toLowerCase().normalize("NFC"));
}

/** Thai as the longest known words; what is between them is one unknown word. */
function cut(thai, known) {
  const letters = [...byLetter.segment(thai)].map((letter) => letter.segment), found = [];
  let strange = "";
  for (let from = 0, to; from < letters.length; from = to) {
    for (to = letters.length; to > from && !known.has(letters.slice(from, to).join("")); to--);
    if (to === from) strange += letters[to++];
    else {
      if (strange) found.push(strange);
      found.push(letters.slice(from, to).join(""));
      strange = "";
    }
  }
  return strange ? [...found, strange] : found;
}

/** A word with digits of all scripts as 0 to 9: they stand in tens, of which each begins with a zero. */
function digits(word) {
  const value = (digit) => {
    const code = digit.codePointAt(0);
    let zero = code;
    while (DIGIT.test(String.fromCodePoint(zero - 1))) zero--;
    return (code - zero) % 10;
  };
  return word.replace(/(?<=\p{Nd})٫(?=\p{Nd})/gu, ".").replace(/\p{Nd}/gu, value);
}

/** Unicode's words with the signs before and after them, emoji, brackets, and other signs by themselves. */
function signedWords(text, { before, inside, signs }) {
  const ends = wordEnds(text), found = [];
  const match = (pattern, from) => ((pattern.lastIndex = from), pattern.test(text) ? pattern.lastIndex : 0);
  for (let from = 0, to; from < text.length; from = to) {
    let start = FREE.test(text.slice(0, from)) ? match(before, from) : from;
    while (start > from && !match(BEGIN, start)) start--;
    if (match(BEGIN, start)) {
      to = ends[start];
      for (let next; (next = match(inside, to)); ) to = ends[next];
      to = match(AFTER, to) || to;
    } else if (match(EMOJI, from)) {
      to = from + [...byLetter.segment(text.slice(from, from + 64))][0].segment.length;
    } else to = match(signs, from) || match(BRACKET, from);
    if (to) found.push(text.slice(from, to));
    else to = match(/./suy, from);
  }
  return found;
}

/** Where the word at each place of a text ends; of scripts written without spaces every letter is a word. */
function wordEnds(text) {
  const ends = new Uint32Array(text.length);
  let from = 0, before = "";
  for (const { segment, index, isWordLike } of byWord.segment(text)) {
    if (UNSPACED.test(segment)) {
      let other = -1; // where letters of other scripts among these begin
      for (const letter of byLetter.segment(segment)) {
        const start = index + letter.index, alone = UNSPACED.test(letter.segment);
        if (alone || other < 0) other = start;
        ends.fill(start + letter.segment.length, other, start + letter.segment.length);
        if (alone) other = -1;
      }
    } else {
      const glued = isWordLike && before && (GLUED.test(segment) || GLUED.test(before));
      if (!glued) from = index;
      ends.fill(index + segment.length, from);
    }
    before = isWordLike && !UNSPACED.test(segment) ? segment : "";
  }
  return ends;
}

/** Words of an answer as text, by rules 2 to 4: a comma is a word of its own, and follows the one before it. */
function joined(said) {
  const tight = (word, last) => word === "," || last === "," || (TIGHT.test(word) && TIGHT.test(last));
  return said.reduce((text, word) => text + (!text || tight(word, [...text].at(-1)) ? "" : " ") + word, "");
}

/** What two spellings of one answer share. */
function answerKey(answer, rule) {
  const asIs = (part) => part.trim().split(/\s+/).join(" ");
  const key = (part) => (rule === 1 ? asIs(part.toLowerCase()) : words(part, rule).join(" ") || asIs(part));
  return answer.split(",").map(key).filter(Boolean).join();
}

class DMN {
  /**
   * @param network what dmn_cli/page/export.py made: options, vocabulary, and where each tensor lies
   * @param buffer the weights, an ArrayBuffer of float32
   */
  constructor(network, buffer) {
    Object.assign(this, network); // facts, max_facts, reader, residual, gate, order, episode, memory, passes, free_passes
    this.number = new Map(this.vocabulary.words.map((word, number) => [word, number]));
    this.weights = {};
    for (const [name, { shape, offset }] of Object.entries(network.tensors)) {
      const data = Float64Array.from(new Float32Array(buffer, 4 * offset, shape.reduce((a, b) => a * b, 1)));
      this.weights[name] = { data, rows: shape[0] ?? 1, columns: shape[1] ?? 1 };
    }
    this.wordGRU = this.gru("input.sentences.gru"); // null: no such part
    this.inputGRU = this.gru("input.gru");
    this.backwardGRU = this.gru("input.backward_gru");
    this.questionGRU = this.gru("question.gru");
    this.episodeGRU = this.gru("memory.episode.gru");
    this.updateGRU = this.gru("memory.update.gru");
    this.answerGRU = this.gru("answer.gru");
    this.size = this.questionGRU.weight_hh.columns;
    this.end = this.weights["memory.end"]?.data ?? null;
    this.rarity = this.weights["memory.gate.further.gate_words.rarity"]?.data ?? null;
    this.same = this.weights["memory.gate.further.gate_words.same"]?.data ?? null; // of the forms of a word
    this.rule = this.vocabulary.rule ?? 1;
    this.gateParts = this.partsOfGate();
    this.texts = new Map(); // what is kept: the words of texts, their pieces, and the states after these
    this.pieces = new Map();
    this.forward = { pieces: [], states: [] };
    this.backward = { pieces: [], states: [] };
    this.endFact = this.end && { c: this.end };
    this.endPiece = { numbers: [], bag: [] };
  }

  /** The parameters of a GRU by its name; a word's projection is computed once. */
  gru(name) {
    if (!(`${name}.weight_hh` in this.weights)) return null;
    const part = (key) => this.weights[`${name}.${key}`];
    return {
      weight_ih: part("weight_ih"), bias_ih: part("bias_ih").data,
      weight_hh: part("weight_hh"), bias_hh: part("bias_hh").data, words: new Map(),
      side: new Float64Array(part("bias_hh").data.length),
    };
  }

  /** W_ih x + b_ih of a word's vector. */
  projectWord(gru, word) {
    let projected = gru.words.get(word);
    if (!projected) gru.words.set(word, (projected = project(gru, this.embedding(word))));
    return projected;
  }

  embedding(word) {
    const { data, columns } = this.weights["embedding"];
    return data.subarray(word * columns, (word + 1) * columns);
  }

  /** The words of a text, by the rule of the network's vocabulary. */
  words(text) {
    return this.read(text).said;
  }

  /** The words of a text, and the piece that they are. */
  read(text) {
    return kept(this.texts, text, () => {
      const said = words(text, this.rule, this.number);
      return { said, piece: this.piece(said.map((word) => this.number.get(word) ?? 0)) };
    });
  }

  piece(numbers) {
    return kept(this.pieces, numbers.join(), () => ({ numbers, bag: [...new Set(numbers)] }));
  }

  /** Whether an answer is the true one, or by rules 2 to 4 one of several: bakery|the bakery. */
  isRight(gold, answer) {
    const several = this.rule === 1 ? [] : gold.split("|").filter((one) => one.trim());
    return (several.length ? several : [gold]).some((one) => answerKey(one, this.rule) === answerKey(answer, this.rule));
  }

  /** The words of a text that training has never seen, each once. */
  unknown(text) {
    return [...new Set(this.words(text))].filter((word) => !this.number.has(word));
  }

  /**
   * Put a question to the network.
   *
   * @param story the facts before the question, as written
   * @param question as written
   * @returns answers: the likeliest with their probabilities, the network's own first;
   *          gates: of each pass what each fact counted, 0 to 1 (last of all the end of passes, if the network has one);
   *          logits: of the same, before the sigmoid or softmax;
   *          first: how many facts it does not attend to, because they are further back than max_facts
   */
  ask(story, question) {
    const work = this.asking(story, question);
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
    }
  }

  /** The same, fact by fact: a generator that returns what ask() does. */
  *asking(story, question) {
    let pieces = story.map((fact) => this.read(fact).piece);
    if (this.facts === "word") pieces = pieces.flatMap(({ numbers }) => numbers.map((word) => this.piece([word])));
    const asked = this.read(question).piece;
    const q = (asked.q ??= this.questionModule(asked));
    const first = this.max_facts ? Math.max(0, pieces.length - this.max_facts) : 0;
    const facts = (yield* this.inputModule(pieces)).slice(first);
    pieces = pieces.slice(first);
    if (this.end) {
      facts.push(this.endFact);
      pieces.push(this.endPiece);
    }
    const { m, gates, logits } = yield* this.episodicMemory(facts, q, pieces, asked);
    return { answers: this.answerModule(m, q), gates, logits, first };
  }

  // Input module (1506.07285, §2.1): from words to facts ------------------------------------------------------------

  inputModule(pieces) {
    return this.reader === "words" ? this.wordReader(pieces) : this.sentenceReader(pieces);
  }

  /** A GRU over all words; its states at the ends of the facts are the facts. */
  wordReader(pieces) {
    return this.statesOf(this.forward, pieces, ({ numbers }, before) => {
      let h = before;
      for (const word of numbers) h = step(this.inputGRU, this.projectWord(this.inputGRU, word), h);
      return this.facts === "word" ? h : step(this.inputGRU, this.projectWord(this.inputGRU, END_OF_FACT), h);
    });
  }

  /** A vector for each sentence, and GRUs over these: forward, and in DMN+ backward too (1603.01417, §3.1). */
  *sentenceReader(pieces) {
    const states = yield* this.statesOf(this.forward, pieces, (piece, before) =>
      step(this.inputGRU, this.sentence(piece).forward, before));
    if (!this.residual && !this.backwardGRU) return states;
    const facts = states.map(({ c }) => ({ c: c.slice() }));
    if (this.residual) facts.forEach(({ c }, t) => add(c, pieces[t].sentence.vector));
    if (this.backwardGRU) {
      const back = yield* this.statesOf(this.backward, pieces.slice().reverse(), (piece, after) =>
        step(this.backwardGRU, this.sentence(piece).backward, after));
      back.reverse().forEach(({ c }, t) => add(facts[t].c, c));
    }
    return facts;
  }

  /** States after each piece; those before the first piece that is not as it was are not computed again. */
  *statesOf(last, pieces, next) {
    let same = 0;
    while (same < pieces.length && pieces[same] === last.pieces[same]) same++;
    last.pieces.length = last.states.length = same;
    for (const piece of pieces.slice(same)) {
      last.states.push({ c: next(piece, last.states.at(-1)?.c ?? new Float64Array(this.size)) });
      last.pieces.push(piece);
      yield;
    }
    return last.states.slice();
  }

  /** The vector of a sentence, and its projections for the GRUs over sentences. */
  sentence(piece) {
    if (!piece.sentence) {
      const { numbers } = piece;
      const vector = this.wordGRU ? this.readWords(this.wordGRU, numbers) : this.positionEncoding(numbers);
      const backward = this.backwardGRU && project(this.backwardGRU, vector);
      piece.sentence = { vector, forward: project(this.inputGRU, vector), backward };
    }
    return piece.sentence;
  }

  readWords(gru, numbers) {
    let h = new Float64Array(this.size);
    for (const word of numbers) h = step(gru, this.projectWord(gru, word), h);
    return h;
  }

  /** f = Σ_j l_j ∘ w_j, with l_jd = (1 − j/M) − (d/D)(1 − 2j/M) (1603.01417, eq. 7). */
  positionEncoding(numbers) {
    const D = this.weights["embedding"].columns;
    const f = new Float64Array(D);
    numbers.forEach((word, at) => {
      const part = (at + 1) / numbers.length; // j/M
      const w = this.embedding(word);
      for (let d = 0; d < D; d++) f[d] += (1 - part - ((d + 1) / D) * (1 - 2 * part)) * w[d];
    });
    return f;
  }

  // Question module (1506.07285, §2.2) -----------------------------------------------------------------------------

  questionModule({ numbers }) {
    const q = this.readWords(this.questionGRU, numbers);
    if (this.residual && this.reader === "positions") for (const word of numbers) add(q, this.embedding(word));
    return q;
  }

  // Episodic memory module (1506.07285, §2.3) ----------------------------------------------------------------------

  /** Passes over the facts: gates, an episode, a new memory. */
  *episodicMemory(facts, q, pieces, asked) {
    const shared = this.rarity && this.sharedWords(pieces, asked);
    const allGates = [], allLogits = [];
    let m = q, gates = null;
    for (let number = 0; number < this.passes; number++) {
      if (shared && gates) shared.after(gates);
      const logits = yield* this.gateLogits(facts, q, m, gates, shared);
      const logGates = this.logGates(logits);
      gates = logGates.map(Math.exp);
      allLogits.push(logits);
      allGates.push(gates);
      if (this.end && number >= this.free_passes && argmax(logGates) === facts.length - 1) break;
      m = this.update(number, m, yield* this.episodeOf(facts, gates), q);
    }
    return { m, gates: allGates, logits: allLogits };
  }

  /**
   * The gate's first layer W1 in parts, one for each term of z; of Wb's terms: a column.
   *
   * DMN: z = [c, m, q, c∘q, c∘m, |c−q|, |c−m|, cᵀ Wb q, cᵀ Wb m] (eq. 6). DMN+: z = [c∘q, c∘m, |c−q|, |c−m|].
   */
  partsOfGate() {
    const H = this.size, W1 = this.weights["memory.gate.W1.weight"];
    const names = "memory.gate.Wb" in this.weights ? ["c", "m", "q", "cq", "cm", "dq", "dm"] : ["cq", "cm", "dq", "dm"];
    const parts = Object.fromEntries(names.map((name, at) => [name, columnsOf(W1, at * H, H)]));
    if (parts.c) Object.assign(parts, { bq: columnsOf(W1, 7 * H, 1), bm: columnsOf(W1, 7 * H + 1, 1) });
    return parts;
  }

  /** Of all terms with x, the question or the memory, those linear in c as one matrix: W_c + W_cx diag(x) + w_bx (Wb x)ᵀ. */
  linearInFact(x, Wcx, wbx, Wc) {
    const { data, rows, columns } = Wcx, sum = new Float64Array(data.length);
    const Wbx = wbx && linear(this.weights["memory.gate.Wb"], x);
    for (let i = 0, at = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) {
        sum[at] = data[at] * x[j] + (wbx ? wbx.data[i] * Wbx[j] : 0) + (Wc ? Wc.data[at] : 0);
      }
    }
    return { data: sum, rows, columns };
  }

  /** W2 tanh(W1 z + b1) + b2 of every fact. Ours: terms of where the last pass looked, and of shared words. */
  *gateLogits(facts, q, m, before, shared) {
    const part = this.gateParts, W2 = this.weights["memory.gate.W2.weight"].data, b2 = this.weights["memory.gate.W2.bias"].data[0];
    const order = this.weights["memory.gate.further.gate_order.weight"], sharing = this.weights["memory.gate.further.gate_words.weight"];
    const ofQuestion = new Float64Array(W2.length), inner = new Float64Array(W2.length), away = new Float64Array(this.size);
    ofQuestion.set(this.weights["memory.gate.W1.bias"].data);
    if (part.q) addLinear(ofQuestion, part.q, q);
    const Wq = this.linearInFact(q, part.cq, part.bq, part.c), Wm = this.linearInFact(m, part.cm, part.bm);
    const ofMemory = part.m && linear(part.m, m);
    const total = before ? before.reduce((a, b) => a + b, 0) : 0, logits = new Float64Array(facts.length);
    let earlier = 0;
    for (let t = 0; t < facts.length; t++) {
      const fact = facts[t], { c } = fact;
      if (fact.q !== q) { // what is the same in every pass
        const first = ofQuestion.slice();
        addLinear(first, Wq, c);
        addLinear(first, part.dq, distance(c, q, away));
        Object.assign(fact, { q, first, logit: null });
      }
      if (!before && fact.logit !== null) { // m is q: the first pass sees no more than it did
        logits[t] = fact.logit;
        continue;
      }
      inner.set(fact.first);
      if (ofMemory) add(inner, ofMemory);
      addLinear(inner, Wm, c);
      addLinear(inner, part.dm, distance(c, m, away));
      if (order && before) {
        addLinear(inner, order, Float64Array.of(total - earlier - before[t], before[t], earlier));
        earlier += before[t];
      }
      if (sharing) addLinear(inner, sharing, Float64Array.of(shared.question[t], shared.found[t], shared.before[t]));
      let logit = b2;
      for (let i = 0; i < inner.length; i++) logit += W2[i] * Math.tanh(inner[i]);
      logits[t] = logit;
      if (!before) fact.logit = logit;
      yield;
    }
    return logits;
  }

  /** The logarithm of what each fact counts. */
  logGates(logits) {
    if (this.gate === "softmax" || (this.gate === "by-order" && this.order === "none")) return logSoftmax(logits);
    const open = logits.map(logSigmoid);
    if (this.gate === "sigmoid") return open;
    // of the open gates the latest (or the earliest) counts: g_t Π_{u>t} (1 − g_u)
    const last = logits.length - 1;
    let overridden = 0;
    for (let i = 0; i <= last; i++) {
      const t = this.order === "earliest" ? i : last - i;
      open[t] += overridden;
      overridden += logSigmoid(-logits[t]);
    }
    return open;
  }

  /** e: h_t = g GRU(c_t, h_{t−1}) + (1 − g) h_{t−1}; or DMN+'s attention GRU; or Σ g c. */
  *episodeOf(facts, gates) {
    let h = new Float64Array(this.size);
    for (let t = 0; t < facts.length; t++) {
      const fact = facts[t], g = gates[t];
      if (g < 1e-10) continue; // nothing would change
      if (this.episode === "weighted-sum") {
        for (let i = 0; i < h.length; i++) h[i] += g * fact.c[i];
        continue;
      }
      fact.input ??= project(this.episodeGRU, fact.c);
      if (this.episode === "attention-gru") h = step(this.episodeGRU, fact.input, h, g);
      else {
        const next = step(this.episodeGRU, fact.input, h);
        for (let i = 0; i < h.length; i++) h[i] += g * (next[i] - h[i]);
      }
      yield;
    }
    return h;
  }

  /** m^k from m^{k−1}, e^k and q: GRU(e, m), ReLU(W_k [m; e; q] + b), or the same without the ReLU. */
  update(number, m, e, q) {
    const products = this.weights["memory.update.products.weight"];
    if (products) {
      const z = concat(e, product(e, q), product(e, m), distance(e, q), distance(e, m));
      const made = linear(products, z, this.weights["memory.update.products.bias"].data).map(Math.tanh);
      e = this.memory.endsWith("linear") ? add(made, e) : made;
    }
    if (this.updateGRU) return step(this.updateGRU, project(this.updateGRU, e), m);
    const layer = `memory.update.layers.${this.memory === "tied-linear" ? 0 : number}`;
    const out = linear(this.weights[`${layer}.weight`], concat(m, e, q), this.weights[`${layer}.bias`].data);
    return this.memory === "relu" ? out.map((x) => Math.max(0, x)) : out;
  }

  /** Ours: which rare words a fact shares with the question, and with the facts that counted in the last pass. */
  sharedWords(pieces, asked) {
    const { rarity, same } = this;
    const wordsOf = ({ bag }) => (same ? [...new Set(bag.map((word) => same[word]))] : bag);
    const inQuestion = new Set(wordsOf(asked));
    const sumOf = (piece, value) => wordsOf(piece).reduce((sum, word) => sum + rarity[word] ** 2 * value(word), 0);
    const question = pieces.map((piece) => sumOf(piece, (word) => Number(inQuestion.has(word))));
    return {
      question,
      found: question,
      before: new Float64Array(pieces.length),
      after(gates) {
        const counted = new Float64Array(rarity.length);
        pieces.forEach((piece, t) => wordsOf(piece).forEach((word) => (counted[word] += gates[t])));
        this.found = pieces.map((piece) => sumOf(piece, (word) => counted[word]));
        this.before = this.before.map((sum, t) => Math.min(1, sum + gates[t]));
      },
    };
  }

  // Answer module (1506.07285, §2.4) -------------------------------------------------------------------------------

  /** The answer and the next two, with their probabilities. */
  answerModule(m, q) {
    if (this.answerGRU) return this.decode(m, q);
    const W = this.weights["answer.linear.weight"], b = this.weights["answer.linear.bias"].data;
    const logs = logSoftmax(linear(W, concat(m, q), b));
    return likeliest(logs, 3).map((at) => ({ answer: this.vocabulary.answers[at], probability: Math.exp(logs[at]) }));
  }

  /** a_0 = m, a_t = GRU([y_{t−1}; q], a_{t−1}), y_t = softmax(W a_t), until the end token; it is fed its own words. */
  decode(m, q) {
    const [given] = this.beam(m, q, 1);
    const others = this.beam(m, q, BEAM).filter(({ said }) => said.join() !== given.said.join());
    return [given, ...others.slice(0, 2)].map(({ said, log }) => ({
      answer: this.said(said),
      probability: Math.exp(log),
    }));
  }

  /** The decoder's words as text: an answer of training as it is written there. */
  said(numbers) {
    const said = numbers.filter((word) => word !== 0).map((word) => this.vocabulary.answer_words[word]);
    if (this.rule === 1) return said.join();
    this.answers ??= new Map(this.vocabulary.answers.map((answer) => [answerKey(answer, this.rule), answer]));
    return this.answers.get(answerKey(joined(said), this.rule)) ?? joined(said);
  }

  /** The likeliest answers that a beam search finds, the best first; of width 1: the likeliest word, each fed back. */
  beam(m, q, width) {
    let beams = [{ said: [], log: 0, state: m }];
    const ended = ({ said }) => said.at(-1) === 0;
    for (let length = 0; length < LONGEST_ANSWER && !beams.every(ended); length++) {
      const longer = beams.flatMap((beam) => {
        if (ended(beam)) return [beam];
        const { logs, state } = this.decodeWord(beam.said.at(-1) ?? null, q, beam.state);
        return Array.from(logs, (log, word) => ({ said: [...beam.said, word], log: beam.log + log, state }));
      });
      beams = longer.sort((a, b) => b.log - a.log).slice(0, width);
    }
    return beams;
  }

  decodeWord(previous, q, state) {
    const W = this.weights["answer.linear.weight"], b = this.weights["answer.linear.bias"].data;
    const y = new Float64Array(W.rows); // one-hot; before the first word there is none
    if (previous !== null) y[previous] = 1;
    const next = step(this.answerGRU, project(this.answerGRU, concat(y, q)), state);
    return { logs: logSoftmax(linear(W, next, b)), state: next };
  }
}

// A GRU in the convention of torch.nn.GRU ----------------------------------------------------------------------------

/** The input side: W_ih x + b_ih. */
function project(gru, x) {
  return linear(gru.weight_ih, x, gru.bias_ih);
}

/** One step: h' = (1 − z) n + z h; with a gate g, h' = g n + (1 − g) h (1603.01417, eq. 12). */
function step(gru, projected, h, g = null) {
  const H = h.length, { side } = gru, next = new Float64Array(H);
  side.set(gru.bias_hh);
  addLinear(side, gru.weight_hh, h);
  for (let i = 0; i < H; i++) {
    const r = sigmoid(projected[i] + side[i]);
    const n = Math.tanh(projected[2 * H + i] + r * side[2 * H + i]);
    const keep = g === null ? sigmoid(projected[H + i] + side[H + i]) : 1 - g;
    next[i] = n + keep * (h[i] - n);
  }
  return next;
}

// Vectors ------------------------------------------------------------------------------------------------------------

/** W x + b. */
function linear(W, x, bias = null) {
  const out = new Float64Array(W.rows);
  if (bias) out.set(bias);
  return addLinear(out, W, x);
}

/** sum + W x, into sum. Four rows at once: each x_j is read once for them. */
function addLinear(sum, { data, rows, columns }, x) {
  const whole = rows - (rows % 4);
  let i = 0;
  for (; i < whole; i += 4) {
    const at = i * columns, at1 = at + columns, at2 = at1 + columns, at3 = at2 + columns;
    let a = 0, b = 0, c = 0, d = 0;
    for (let j = 0; j < columns; j++) {
      const value = x[j];
      a += data[at + j] * value;
      b += data[at1 + j] * value;
      c += data[at2 + j] * value;
      d += data[at3 + j] * value;
    }
    sum[i] += a;
    sum[i + 1] += b;
    sum[i + 2] += c;
    sum[i + 3] += d;
  }
  for (; i < rows; i++) for (let j = 0; j < columns; j++) sum[i] += data[i * columns + j] * x[j];
  return sum;
}

/** Columns of a matrix, as a matrix. */
function columnsOf({ data, rows, columns }, from, count) {
  const part = new Float64Array(rows * count);
  for (let i = 0; i < rows; i++) part.set(data.subarray(i * columns + from, i * columns + from + count), i * count);
  return { data: part, rows, columns: count };
}

function add(sum, x) {
  for (let i = 0; i < sum.length; i++) sum[i] += x[i];
  return sum;
}

/** |a − b|, into `out`. */
function distance(a, b, out = new Float64Array(a.length)) {
  for (let i = 0; i < a.length; i++) out[i] = Math.abs(a[i] - b[i]);
  return out;
}

const product = (a, b) => a.map((x, i) => x * b[i]);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));
const logSigmoid = (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

function concat(...vectors) {
  const all = new Float64Array(vectors.reduce((sum, x) => sum + x.length, 0));
  let at = 0;
  for (const x of vectors) all.set(x, (at += x.length) - x.length);
  return all;
}

function logSoftmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const total = most + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - most), 0));
  return logits.map((x) => x - total);
}

const argmax = (x) => x.reduce((best, value, at) => (value > x[best] ? at : best), 0);

/** The places of the `count` largest, the largest first; among equals the first. */
function likeliest(x, count) {
  return [...x.keys()].sort((a, b) => x[b] - x[a] || a - b).slice(0, count);
}

/** What a map has under a key; if nothing, it is made and kept. */
function kept(map, key, make) {
  let found = map.get(key);
  if (found === undefined) {
    if (map.size >= MOST_KEPT) map.clear();
    map.set(key, (found = make()));
  }
  return found;
}

/** The weights from base64. */
function decodeBase64(text) {
  return Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0)).buffer;
}

if (typeof module !== "undefined") module.exports = { DMN, decodeBase64, words }; // for the tests, under node
