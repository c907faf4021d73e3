// Every page of the product, from its own list of routes; pages with an id in their path are found by following links.
import type { APIRequestContext } from "@playwright/test";

/** A route and an address of it. */
export interface Place {
  pattern: string;
  path: string;
}

/** Addresses of one route that are looked at for further links. */
const enough = 40;

const fits = (path: string, pattern: string) => {
  const [have, want] = [path.split(/[?#]/)[0]?.split("/") ?? [], pattern.split("/")];
  return have.length === want.length && want.every((part, index) => part.startsWith("{") || part === have[index]);
};

const links = (html: string) => [...html.matchAll(/(?:href|action)="(\/[^"]*)"/g)].map(([, link]) => (link ?? "").replaceAll("&amp;", "&").split("#")[0] ?? "");

/** One address for each page and each form that this session may read, and the patterns of which none was found. */
export async function pages(request: APIRequestContext): Promise<{ places: Place[]; unreached: string[] }> {
  const document = await (await request.get("/api/openapi.json")).json();
  const operations = Object.values<Record<string, any>>(document.paths).flatMap((path) => Object.values<any>(path));
  const patterns = [...new Set<string>(operations.flatMap((operation) => operation["x-html-path"] ?? []))].sort();
  // A pattern without an id is the better name of an address: /incidents/new before /incidents/{id}.
  const named = (path: string) => patterns.find((pattern) => pattern === path.split("?")[0]) ?? patterns.find((pattern) => fits(path, pattern));
  const places = new Map<string, Place>();
  const visits = new Map<string, number>();
  const formsOnly = new Set<string>();
  const seen = new Set<string>();
  const queue = ["/", ...patterns.filter((pattern) => !pattern.includes("{"))];
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const pattern = named(path);
    const visited = visits.get(pattern ?? path) ?? 0;
    if (seen.has(path) || (!pattern && path !== "/") || visited >= enough) continue;
    seen.add(path);
    visits.set(pattern ?? path, visited + 1);
    const answer = await request.get(path, { headers: { Accept: "text/html" } });
    if (answer.status() === 403) continue;
    // A form whose act is not possible now (closing what is closed) says so with a conflict.
    if (answer.status() === 409) continue;
    // A plain form has an address to post to, and no page there.
    if (answer.status() === 405) {
      formsOnly.add(pattern ?? path);
      continue;
    }
    if (!answer.ok()) throw new Error(`${path} answers ${answer.status()}`);
    if (pattern && !places.has(pattern)) places.set(pattern, { pattern, path });
    queue.push(...links(await answer.text()));
  }
  return { places: [...places.values()], unreached: patterns.filter((pattern) => !places.has(pattern) && !formsOnly.has(pattern)) };
}
