// The text editor: CodeMirror with errors underlined where the reader found them and lines marked where a pass ends.

import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { bracketMatching, type StreamLanguage } from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches } from "@codemirror/search";
import { EditorState, StateEffect, StateField, type Text } from "@codemirror/state";
import {
  Decoration, drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers, WidgetType, type DecorationSet,
} from "@codemirror/view";
import type { Place } from "./api";
import { colours } from "./languages";

/** A note at the end of a line, which is tinted. */
export interface Mark { line: number; text: string }

class Note extends WidgetType {
  constructor(readonly text: string) {
    super();
  }

  override eq(other: Note): boolean {
    return other.text === this.text;
  }

  override toDOM(): HTMLElement {
    const element = document.createElement("span");
    element.className = "cm-pass-note";
    element.textContent = this.text;
    return element;
  }
}

const setMarks = StateEffect.define<readonly Mark[]>();
const marks = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setMarks)) return drawn(transaction.state.doc, effect.value);
    return value.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

function drawn(text: Text, found: readonly Mark[]): DecorationSet {
  const there = found.filter((mark) => mark.line >= 1 && mark.line <= text.lines);
  const parts = there.flatMap((mark) => {
    const line = text.line(mark.line);
    const note = Decoration.widget({ widget: new Note(mark.text), side: 1 });
    return [Decoration.line({ class: "cm-pass-end" }).range(line.from), note.range(line.to)];
  });
  return Decoration.set(parts, true);
}

/** From and to of a place (lines and columns from 1), kept inside the text and at least one character wide where it can be. */
function span(text: Text, place: Place): { from: number; to: number } {
  const line = text.line(Math.min(Math.max(place.line, 1), text.lines));
  const characters = [...line.text];
  const until = (column: number): number => line.from + characters.slice(0, Math.max(0, column)).join("").length;
  let from = until(place.column - 1);
  const to = Math.min(line.to, until(place.column - 1 + Math.max(1, place.length)));
  if (from === to && from > line.from) from -= 1; // an error at the end of a line underlines its last character
  return { from, to };
}

export interface Editor {
  readonly element: HTMLElement;
  text(): string;
  setText(text: string): void;
  setErrors(places: readonly Place[]): void;
  setMarks(found: readonly Mark[]): void;
  goTo(line: number, column?: number): void;
}

/** An editor called `label` for screen readers; `changed` hears every change that a person made. */
export function editor(label: string, language: StreamLanguage<unknown>, changed: () => void): Editor {
  let quiet = false;
  const view = new EditorView({
    state: EditorState.create({
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        lintGutter(),
        language,
        colours,
        marks,
        // No Tab among them: it moves the focus on, as everywhere on a page. Control-] indents.
        keymap.of([...defaultKeymap, ...historyKeymap, ...lintKeymap]),
        EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false", autocapitalize: "off" }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged && !quiet) changed();
        }),
      ],
    }),
  });
  view.scrollDOM.tabIndex = 0;
  view.scrollDOM.setAttribute("role", "group");
  view.scrollDOM.setAttribute("aria-label", `${label}, scrolled`);
  return {
    element: view.dom,
    text: () => view.state.doc.toString(),
    setText(text) {
      quiet = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 } });
      quiet = false;
    },
    setErrors(places) {
      const found: Diagnostic[] = places.map((place) => ({
        ...span(view.state.doc, place),
        severity: "error",
        message: place.suggestion ? `${place.message}; did you mean '${place.suggestion}'?` : place.message,
      }));
      view.dispatch(setDiagnostics(view.state, found));
    },
    setMarks(found) {
      view.dispatch({ effects: setMarks.of(found) });
    },
    goTo(line, column = 1) {
      const { from } = span(view.state.doc, { line, column, length: 1, message: "" });
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
  };
}
