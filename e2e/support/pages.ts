// Every page of the product, from its own list of routes; pages with an id in their path are found by following links.
import type { APIRequestContext } from "@playwright/test";

/** A route and an address of it. */
export interface Place {
  pattern: string;
  path: string;
}

const fits = (path: string, pattern: string) => {
  const [have, want] = [path.split(/[?#]/)[0]?.split("/") ?? [], pattern.split("/")];
  return have.length === want.length && want.every((part, index) => part.startsWith("{") || part === have[index]);
};

const links = (html: string) => [...html.matchAll(/href="(\/[^"]*)"/g)].map(([, link]) => (link ?? "").replaceAll("&amp;", "&"));

/** All pages that this session may read; fails on a page that is listed and does not answer. */
export async function pages(request: APIRequestContext): Promise<Place[]> {
  const document = await (await request.get("/api/openapi.json")).json();
  const patterns = new Set<string>();
  for (const path of Object.values<Record<string, any>>(document.paths)) {
    if (path.get?.["x-html-path"]) patterns.add(path.get["x-html-path"]);
  }
  const html = async (path: string) => {
    const answer = await request.get(path, { headers: { Accept: "text/html" } });
    if (![200, 403].includes(answer.status())) throw new Error(`${path} answers ${answer.status()}`);
    return answer.ok() ? await answer.text() : undefined;
  };
  const places: Place[] = [];
  const found = new Set<string>();
  for (const pattern of [...patterns].filter((pattern) => !pattern.includes("{")).sort()) {
    const text = await html(pattern);
    if (text === undefined) continue;
    places.push({ pattern, path: pattern });
    for (const link of links(text)) found.add(link);
  }
  for (const pattern of [...patterns].filter((pattern) => pattern.includes("{")).sort()) {
    const path = [...found].find((link) => fits(link, pattern));
    if (path && (await html(path)) !== undefined) places.push({ pattern, path });
  }
  return places;
}

/** Patterns of which no address was found: tests say so instead of passing over them. */
export async function unreached(request: APIRequestContext, reached: Place[]): Promise<string[]> {
  const document = await (await request.get("/api/openapi.json")).json();
  const all = Object.values<Record<string, any>>(document.paths).flatMap((path) => path.get?.["x-html-path"] ?? []);
  return [...new Set<string>(all)].filter((pattern) => !reached.some((place) => place.pattern === pattern));
}
