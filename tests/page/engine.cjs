// Runs assets/engine.js on a JSON object on stdin; prints what it made of it as JSON.
const fs = require("node:fs");
const { DMN, decodeBase64, words } = require(process.argv[2]);

function ask({ network, weights, questions }) {
  const model = new DMN(network, decodeBase64(weights));
  const began = performance.now();
  const asked = questions.map(({ facts, question }) => {
    const { answers, gates, logits } = model.ask(facts, question);
    return { answers, gates: gates.map((g) => [...g]), logits: logits.map((l) => [...l]) };
  });
  return { asked, milliseconds: (performance.now() - began) / questions.length };
}

function say({ vocabulary, numbers }) {
  return DMN.prototype.said.call({ vocabulary, rule: vocabulary.rule }, numbers);
}

const { texts = [], rule = 1, known = null, networks = [], decoded = [], pairs = [] } = JSON.parse(fs.readFileSync(0, "utf8"));
const made = { words: texts.map((text) => words(text, rule, known && new Set(known))), networks: networks.map(ask), said: decoded.map(say) };
made.right = pairs.map(([gold, answer]) => DMN.prototype.isRight.call({ rule }, gold, answer));
process.stdout.write(JSON.stringify(made));
