'use strict';
// Texts enter the page by textContent alone: they are hostile. Data are pieces of gzip in base64, unpacked when needed.

const PAGE_ROWS = 50;
const KEPT_PIECES = 4;
const byId = (id) => document.getElementById(id);

function element(tag, text = '', attributes = {}, ...children) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// ---- the table of models: rows stand in the HTML, here they are sorted and hidden

const scores = byId('scores');
const heads = [...scores.tHead.rows[0].cells];
const lines = [...scores.tBodies[0].rows];
const columnOf = new Map(heads.map((head, column) => [head, column]));
let sorted = { head: heads.find((head) => head.hasAttribute('aria-sort')), descending: true };

function numberIn(line, column) {
  const value = line.cells[column].dataset.value;
  return value === undefined ? null : Number(value);
}

function compareLines(a, b) {
  const column = columnOf.get(sorted.head);
  const sign = sorted.descending ? -1 : 1;
  if (column === 0) return sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent);
  const [first, second] = [numberIn(a, column), numberIn(b, column)];
  if (first === null || second === null) return (first === null) - (second === null); // the unknown stand last
  return sign * (first - second);
}

function isColumnShown(head, language, level) {
  const { language: its, level: kind } = head.dataset;
  if (kind === undefined || kind === 'size') return true;
  if (kind === 'rest') return its === 'all' ? !language || !hasRestOf(language) : its === language;
  const isLevel = !level || kind === level;
  return isLevel && (its === 'mean' ? !language : !language || its === language);
}

function hasRestOf(language) {
  return heads.some((head) => head.dataset.level === 'rest' && head.dataset.language === language);
}

function showColumns() {
  const language = byId('score-language').value;
  const level = byId('score-level').value;
  heads.forEach((head, column) => {
    head.hidden = !isColumnShown(head, language, level);
    for (const line of lines) line.cells[column].hidden = head.hidden;
  });
  if (!sorted.head.hidden) return;
  const accuracies = heads.filter((head) => !head.hidden && !['rest', 'size', undefined].includes(head.dataset.level));
  sorted = { head: accuracies.at(-1) ?? heads[0], descending: true };
}

function showLines() {
  const wanted = byId('score-search').value.trim().toLowerCase();
  const withPublished = byId('score-published').checked;
  lines.sort(compareLines);
  for (const line of lines) {
    const isNamed = line.cells[0].textContent.toLowerCase().includes(wanted);
    line.hidden = !isNamed || (line.className === 'published' && !withPublished);
  }
  scores.tBodies[0].append(...lines);
  for (const head of heads) head.removeAttribute('aria-sort');
  sorted.head.setAttribute('aria-sort', sorted.descending ? 'descending' : 'ascending');
  markOverlaps(columnOf.get(sorted.head));
  byId('score-count').textContent = `${lines.filter((line) => !line.hidden).length} of ${lines.length} rows`;
}

// An interval that reaches into that of the nearest row above which has one.
function markOverlaps(column) {
  let above = null;
  for (const line of lines) {
    [...line.cells].forEach((cell, place) => {
      cell.classList.remove('overlaps');
      cell.classList.toggle('sorted', place === column && place > 0);
    });
    const cell = line.cells[column];
    if (line.hidden || cell.dataset.low === undefined) continue;
    const [low, high] = [Number(cell.dataset.low), Number(cell.dataset.high)];
    if (above && low <= above.high && high >= above.low) cell.classList.add('overlaps');
    above = { low, high };
  }
}

function sortBy(head) {
  const first = columnOf.get(head) > 0; // numbers begin with the greatest, names with A
  sorted = { head, descending: sorted.head === head ? !sorted.descending : first };
  showLines();
}

function startModels() {
  for (const head of heads) {
    const button = element('button', head.textContent, { type: 'button', title: head.title });
    button.addEventListener('click', () => sortBy(head));
    head.replaceChildren(button);
  }
  const refresh = () => { showColumns(); showLines(); };
  for (const id of ['score-language', 'score-level', 'score-published']) byId(id).addEventListener('change', refresh);
  byId('score-search').addEventListener('input', showLines);
  refresh(); // a browser may keep what was chosen before a reload
}

// ---- pieces of data

const parsed = new Promise((resolve) => {
  if (document.readyState !== 'loading') resolve();
  else document.addEventListener('DOMContentLoaded', resolve);
});
const pieces = new Map();

async function unpack(id) {
  await parsed;
  const letters = atob(byId(id).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i += 1) bytes[i] = letters.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
}

function piece(id) {
  const found = pieces.get(id) ?? unpack(id);
  pieces.delete(id);
  pieces.set(id, found); // the latest stands last
  if (pieces.size > KEPT_PIECES) pieces.delete(pieces.keys().next().value);
  return found;
}

let listing = null;
function wholeListing() {
  listing ??= unpack('questions').then((content) => {
    for (const question of content.questions) {
      const texts = [question.id, question.source_id, question.question, ...question.options.map((option) => option[1])];
      question.searched = texts.join('\n').toLowerCase();
    }
    return { ...content, byId: new Map(content.questions.map((question) => [question.id, question])) };
  });
  return listing;
}

// ---- the list of questions

let chosen = []; // questions that pass the filters, in the order shown
let firstRow = 0;

const agreements = {
  disagree: (question) => question.right > 0 && question.right < question.asked,
  wrong: (question) => question.asked > 0 && question.right === 0,
  right: (question) => question.asked > 0 && question.right === question.asked,
};
const shareRight = (question, ofUnasked) => (question.asked ? question.right / question.asked : ofUnasked);
const orders = { // questions that no model was asked stand last
  hardest: (a, b) => shareRight(a, 2) - shareRight(b, 2),
  easiest: (a, b) => shareRight(b, -1) - shareRight(a, -1),
};

function chooseQuestions(questions) {
  const [language, level, agreement, order, search] = ['language', 'level', 'agreement', 'order', 'search']
    .map((name) => byId(`question-${name}`).value);
  const wanted = search.trim().toLowerCase();
  chosen = questions.filter((question) =>
    (!language || question.language === language) && (!level || question.level === level)
    && (!agreement || agreements[agreement](question)) && question.searched.includes(wanted));
  if (order) chosen.sort(orders[order]);
}

function nameOf(control, value) {
  return [...byId(control).options].find((option) => option.value === value)?.textContent ?? value;
}

function questionRow(question) {
  const address = `#q=${encodeURIComponent(question.id)}`;
  const right = element('td', question.asked ? `${question.right} of ${question.asked}` : '–', { class: 'n' });
  if (question.asked) {
    right.append(element('meter', '', { value: question.right, max: question.asked, 'aria-hidden': 'true' }));
  }
  return element('tr', '', {},
    element('td', '', {}, element('a', question.question, { href: address, dir: 'auto' })),
    right,
    element('td', nameOf('question-level', question.level)),
    element('td', nameOf('question-language', question.language)),
    element('td', question.source));
}

function showQuestionRows() {
  const shown = chosen.slice(firstRow, firstRow + PAGE_ROWS);
  byId('question-list').tBodies[0].replaceChildren(...shown.map(questionRow));
  const numbers = shown.length ? `${firstRow + 1} to ${firstRow + shown.length} of ` : '';
  byId('question-count').textContent = `${numbers}${chosen.length.toLocaleString('en')} questions`;
  byId('page-before').disabled = firstRow === 0;
  byId('page-after').disabled = firstRow + PAGE_ROWS >= chosen.length;
}

async function refreshQuestions() {
  const { questions } = await wholeListing();
  firstRow = 0;
  chooseQuestions(questions);
  showQuestionRows();
}

function turnPage(rows) {
  firstRow += rows;
  showQuestionRows();
  byId('question-count').scrollIntoView({ block: 'start' });
}

function startQuestions() {
  for (const name of ['language', 'level', 'agreement', 'order']) {
    byId(`question-${name}`).addEventListener('change', refreshQuestions);
  }
  byId('question-search').addEventListener('input', refreshQuestions);
  byId('page-before').addEventListener('click', () => turnPage(-PAGE_ROWS));
  byId('page-after').addEventListener('click', () => turnPage(PAGE_ROWS));
}

// ---- a question and its answers

const verdicts = {
  no_answer: 'no answer', bad_request: 'bad request', request_failed: 'request failed', truncated: 'cut off',
};

function neighbour(question, step, text) {
  const place = chosen.indexOf(question);
  const next = place < 0 ? undefined : chosen[place + step];
  return next ? element('a', text, { href: `#q=${encodeURIComponent(next.id)}` }) : element('span', text, { class: 'quiet' });
}

function optionLine(question, [letter, text], answers) {
  const isGold = letter === question.answer;
  const line = element('li', '', isGold ? { class: 'gold' } : {},
    element('b', letter), element('span', text, { class: 'text', dir: 'auto' }));
  if (isGold) line.append(element('small', 'correct'));
  const count = answers.filter((answer) => answer.letter === letter).length;
  if (count) line.append(element('span', `${count} ${count === 1 ? 'answer' : 'answers'}`, { class: 'chosen' }));
  return line;
}

function textParts(answer, name, limit) {
  const text = answer[name];
  if (!text) return [element('p', 'none', { class: 'quiet' })];
  const parts = [element('p', text, { class: 'text', dir: 'auto' })];
  const whole = answer[`${name}_chars`];
  if (whole) {
    const told = `Cut here at ${limit.toLocaleString('en')} of ${whole.toLocaleString('en')} characters; `
      + 'the version’s Parquet files hold the whole text.';
    parts.push(element('p', told, { class: 'quiet' }));
  }
  return parts;
}

function answerBody(answer, limit) {
  const facts = [`form: ${answer.form}`, `finished: ${answer.finish_reason}`];
  if (answer.order > 0) facts.push(`options shuffled: it saw its choice as ${answer.shown_letter ?? '–'}`);
  if (answer.reply_language) facts.push(`replied in ${answer.reply_language}`);
  if (answer.votes) facts.push(`votes of the judge: ${answer.votes.join(', ')}`);
  const reasoning = element('details', '', {},
    element('summary', answer.reasoning ? 'Reasoning' : 'Reasoning: none'), ...textParts(answer, 'reasoning', limit));
  return element('article', '', {},
    reasoning, element('h4', 'Response'), ...textParts(answer, 'response', limit),
    element('p', facts.join(' · '), { class: 'facts' }));
}

function answerEntry(answer, contestants, limit) {
  const [model, style] = contestants[answer.contestant];
  const which = [style, answer.order > 0 ? `order ${answer.order}` : '', answer.attempt > 1 ? `sample ${answer.attempt}` : ''];
  const name = element('span', `${model} `, {}, element('small', which.filter(Boolean).join(' · ')));
  const kind = answer.verdict === 'correct' ? 'right' : answer.verdict === 'wrong' ? 'wrong' : 'quiet';
  const entry = element('details', '', { class: 'answer' }, element('summary', '', {},
    name,
    element('span', answer.letter ?? '–', { class: 'letter' }),
    element('span', verdicts[answer.verdict] ?? answer.verdict, { class: kind }),
    element('span', `${answer.completion_tokens.toLocaleString('en')} tokens`, { class: 'n' })));
  entry.addEventListener('toggle', () => {
    if (entry.open && entry.children.length === 1) entry.append(answerBody(answer, limit));
  });
  return entry;
}

async function answersTo(question) {
  return question.at ? (await piece(`answers-${question.at[0]}`))[question.at[1]] : [];
}

async function questionParts(id) {
  const { questions, byId: known, contestants, limit } = await wholeListing();
  const question = known.get(id);
  const back = element('a', 'All questions', { href: '#questions' });
  if (!question) return [element('p', '', { class: 'pager' }, back), element('p', `There is no question ${id}.`)];
  if (!chosen.length) chooseQuestions(questions);
  const answers = await answersTo(question);
  const where = [question.source, question.source_id, nameOf('question-language', question.language),
    nameOf('question-level', question.level), question.subject].filter(Boolean).join(' · ');
  const told = question.asked ? `${question.right} of ${question.asked} models and styles are right` : 'No model was asked';
  return [
    element('p', '', { class: 'pager' }, back, neighbour(question, -1, '← Previous'), neighbour(question, 1, 'Next →')),
    element('h2', where),
    element('p', question.question, { class: 'text stem', dir: 'auto' }),
    element('ul', '', { class: 'options' }, ...question.options.map((option) => optionLine(question, option, answers))),
    element('h3', told),
    ...answers.map((answer) => answerEntry(answer, contestants, limit)),
  ];
}

// ---- which view is shown

let turn = 0; // a slow view must not appear after a later one

async function partsOf(view, hash) {
  try {
    if (view === 'question') return await questionParts(decodeURIComponent(hash.slice('#q='.length)));
    if (view === 'questions' && !byId('question-list').tBodies[0].rows.length) await refreshQuestions();
    return [];
  } catch (error) {
    return [element('p', `This cannot be shown: ${error.message}`, { class: 'alert', role: 'alert' })];
  }
}

function showCurrent(view) {
  for (const name of ['models', 'questions', 'question']) byId(`view-${name}`).hidden = name !== view;
  for (const link of byId('views').children) {
    const isCurrent = link.hash === `#${view}` || (view === 'question' && link.hash === '#questions');
    if (isCurrent) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

async function show() {
  turn += 1;
  const mine = turn;
  const hash = location.hash;
  const view = hash.startsWith('#q=') ? 'question' : hash === '#questions' ? 'questions' : 'models';
  if (view === 'questions') showCurrent(view); // it says itself that it unpacks
  const parts = await partsOf(view, hash);
  if (mine !== turn) return;
  byId('view-question').replaceChildren(...parts);
  showCurrent(parts.length ? 'question' : view);
  if (parts.length) {
    scrollTo(0, 0);
    byId('view-question').focus({ preventScroll: true });
  }
  document.body.dataset.shown = hash || '#models'; // for those who drive the page
}

for (const hidden of [byId('views'), document.querySelector('.controls')]) hidden.hidden = false;
startModels();
startQuestions();
addEventListener('hashchange', show);
show();
