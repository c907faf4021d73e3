// axe-core over what is on the screen, with all of its rules; the message of a failure says what to change.
import { AxeBuilder } from "@axe-core/playwright";
import { type Page, expect } from "@playwright/test";

/**
 * Expects no violation; goes on after a failure, so that one run shows all. The markup is the same in both themes: where the light one is looked
 * at with all rules, those about colour are enough for the dark one.
 */
export async function expectAccessible(page: Page, where: string, rules: "all" | "colour" = "all") {
  // A colour half way through a transition is nobody's choice.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().filter((a) => a.effect?.getTiming().iterations !== Infinity).map((a) => a.finished)));
  // Legacy mode looks at one document and opens no page of its own: there are no frames here, and it takes half the time.
  const axe = new AxeBuilder({ page }).setLegacyMode();
  const { violations } = await (rules === "all" ? axe : axe.withRules(["color-contrast", "link-in-text-block"])).analyze();
  const said = violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(" ")}\n    ${node.failureSummary?.replaceAll("\n", "\n    ")}`));
  expect.soft(said, `axe on ${where}`).toEqual([]);
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
