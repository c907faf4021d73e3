// axe-core over what is on the screen, with all of its rules; the message of a failure says what to change.
import { type Page, expect } from "@playwright/test";
import axe from "axe-core";

/** Rules that look at colours: those among axe's own choice. */
const colour = ["color-contrast", "link-in-text-block"];

/**
 * Expects no violation; goes on after a failure, so that one run shows all. The markup is the same in both themes: where the light one is looked
 * at with all rules, those about colour are enough for the dark one.
 */
export async function expectAccessible(page: Page, where: string, rules: "all" | "colour" = "all") {
  await settled(page);
  // Once per document: the library is half a megabyte.
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  // What passes is counted, not described: that would take longer than the look itself.
  const options: axe.RunOptions = { resultTypes: ["violations"], ...(rules === "colour" && { runOnly: colour }) };
  const violations = await page.evaluate(async (options) => (await (window as unknown as { axe: typeof axe }).axe.run(document, options)).violations, options);
  const said = violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}\n    ${node.failureSummary?.replaceAll("\n", "\n    ")}`));
  expect.soft(said, `axe on ${where}`).toEqual([]);
}

/** Waits for what a new width or theme sets off. A colour half way through a transition is nobody's choice. */
async function settled(page: Page) {
  await page.evaluate(async () => {
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    await Promise.allSettled(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished));
  });
}

/** Expects that nothing makes the page scroll sideways. */
export async function expectNoSidewaysScroll(page: Page, where: string) {
  const wide = await page.evaluate(() => {
    const limit = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth <= limit) return [];
    const over = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > limit + 0.5);
    return [`${document.documentElement.scrollWidth} > ${limit}`, ...over.slice(0, 5).map((e) => `${e.tagName}.${e.className}`)];
  });
  expect.soft(wide, `no sideways scroll on ${where}`).toEqual([]);
}
