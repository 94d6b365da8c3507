// A state in the address: everything after `#`, deflated, so that a link carries a whole cascade and no server keeps it.

const BINARY = 0x8000;

async function squeeze(bytes: Uint8Array<ArrayBuffer>, through: CompressionStream | DecompressionStream): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(through);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A value as the fragment of an address, without `#`. */
export async function toFragment(value: unknown): Promise<string> {
  const packed = await squeeze(new TextEncoder().encode(JSON.stringify(value)), new CompressionStream("deflate-raw"));
  let text = "";
  for (let i = 0; i < packed.length; i += BINARY) text += String.fromCharCode(...packed.subarray(i, i + BINARY));
  return `z=${btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}

/** The value of a fragment, or null if there is none or it is damaged. */
export async function fromFragment<T>(fragment: string): Promise<T | null> {
  const found = /^#?z=([A-Za-z0-9_-]+)$/.exec(fragment);
  if (!found?.[1]) return null;
  try {
    const text = atob(found[1].replaceAll("-", "+").replaceAll("_", "/"));
    const packed = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(await squeeze(packed, new DecompressionStream("deflate-raw")))) as T;
  } catch {
    return null;
  }
}

/** Puts a state into the address and on the clipboard; the address, for where the clipboard is closed. */
export async function share(value: unknown): Promise<string> {
  history.replaceState(null, "", `#${await toFragment(value)}`);
  await copy(location.href);
  return location.href;
}

export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** Saves a text as a file of the user's. */
export function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = name;
  link.click();
  setTimeout(() => { URL.revokeObjectURL(link.href); }, 10_000);
}

/** Asks for a file and gives its text; files over 1 MiB are refused, as the server would. */
export function open(accept: string, found: (text: string, name: string) => void, refused: (why: string) => void): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = accept;
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (!file) return;
    if (file.size > 1 << 20) refused(`${file.name} has more than 1 MiB`);
    else void file.text().then((text) => { found(text, file.name); });
  });
  input.click();
}

/** Keeps a page's state while the tab is open, so that a look at another page loses nothing. */
export function keep(page: string, value: unknown): void {
  try {
    sessionStorage.setItem(`fusemax-${page}`, JSON.stringify(value));
  } catch {
    // storage may be full or forbidden; the page then starts afresh
  }
}

export function kept<T>(page: string): T | null {
  try {
    return JSON.parse(sessionStorage.getItem(`fusemax-${page}`) ?? "null") as T | null;
  } catch {
    return null;
  }
}
