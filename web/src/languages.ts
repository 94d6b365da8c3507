// Colours for cascades and for YAML, as stream tokenizers: no grammar to keep in step, a wrong guess costs only a colour.

import { HighlightStyle, StreamLanguage, syntaxHighlighting, type StreamParser } from "@codemirror/language";
import { tags } from "@lezer/highlight";

type Rule = readonly [pattern: RegExp, token: string | null];

/** Rules tried in order at each place; `first` only at the first word of a line. */
function tokenizer(first: readonly Rule[], rules: readonly Rule[]): StreamParser<null> {
  return {
    token(stream) {
      const start = stream.string.slice(0, stream.pos).trim() === "";
      if (stream.eatSpace()) return null;
      for (const [pattern, token] of start ? [...first, ...rules] : rules) if (stream.match(pattern)) return token;
      stream.next();
      return null;
    },
    tokenTable: {
      section: tags.controlKeyword,
      field: tags.keyword,
      tensor: tags.typeName,
      rank: tags.constant(tags.name),
      variable: tags.variableName,
      call: tags.function(tags.name),
      key: tags.propertyName,
    },
    languageData: { commentTokens: { line: "#" }, closeBrackets: { brackets: ["(", "[", "{", '"'] } },
  };
}

const CALLS = "exp|exp2|log|log2|sqrt|abs|tanh|floor|ceil|round|sigmoid|relu|max|min|where|div0|expsub|topk|argtopk";

/** The cascade language (docs/reference/language.md), as editors/vscode colours it. */
export const cascadeLanguage = StreamLanguage.define(
  tokenizer(
    [
      [/cascade\b/, "section"],
      [/(title|source|note|input|output|partition|alias|equal|parameter|sizes|expect)\b(?!\s*[[=])/, "field"],
      [/(init|iterate|then)\b(?=.*:)/, "section"],
    ],
    [
      [/#.*/, "comment"],
      [/"(?:[^"\\]|\\.)*"?/, "string"],
      [/(until|downto)\b/, "section"],
      [/(sweeps|conflict|and|or|not)\b/, "field"],
      [/(inf|pi)\b/, "number"],
      [/::/, "section"],
      [new RegExp(`(${CALLS})\\b(?=\\s*\\()`), "call"],
      [/[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?\b/, "number"],
      [/[A-Z]\w*(?=\s*\[)/, "tensor"],
      [/[A-Z]\w*/, "rank"],
      [/[a-z]\w*/, "variable"],
      [/<=|>=|==|!=|\/\/|[-+*/%<>=]/, "operator"],
    ],
  ),
);

/** YAML as design files use it. */
export const yamlLanguage = StreamLanguage.define(
  tokenizer(
    [[/-(?=\s)/, "operator"], [/[\w.]+(?=\s*:(\s|$))/, "key"]],
    [
      [/#.*/, "comment"],
      [/"(?:[^"\\]|\\.)*"?|'[^']*'?/, "string"],
      [/[\w.]+(?=\s*:(\s|$))/, "key"],
      [/[-+]?[0-9][\w.+]*(\/s)?/, "number"],
      [/(true|false|null)\b/, "number"],
      [/[\w.-][\w.'-]*/, null], // an apostrophe inside a word begins no text
    ],
  ),
);

/** Colours come from the style sheet, so that light and dark need no second list. */
export const colours = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.comment, color: "var(--soft)", fontStyle: "italic" },
    { tag: tags.string, color: "var(--code-string)" },
    { tag: tags.controlKeyword, color: "var(--code-keyword)", fontWeight: "600" },
    { tag: [tags.keyword, tags.propertyName], color: "var(--code-keyword)" },
    { tag: tags.function(tags.name), color: "var(--code-call)" },
    { tag: tags.number, color: "var(--code-number)" },
    { tag: tags.typeName, color: "var(--code-tensor)" },
    { tag: tags.constant(tags.name), color: "var(--code-number)" },
  ]),
);
