import type { Page } from "@playwright/test";
import { expectAccessible, expectNoSidewaysScroll } from "../support/axe.ts";
import { expect, product, test } from "../support/test.ts";

// A failure's message names page, theme, width and element: recording every step for it would take longer than the steps.
test.use({ trace: "off" });

const widths = [1440, 390];
/** In the dark theme with the rules that depend on it, for the others see the same markup again. */
const themes = { light: "all", dark: "colour" } as const;

const resize = (page: Page, width: number) => page.setViewportSize({ width, height: width < 600 ? 844 : 900 });

/** Looks at what is on the screen in both themes; the light one is left on. */
async function inBothThemes(page: Page, where: string) {
  for (const [theme, rules] of Object.entries(themes) as [keyof typeof themes, "all" | "colour"][]) {
    await page.emulateMedia({ colorScheme: theme });
    await expectAccessible(page, `${where} (${theme}, ${page.viewportSize()?.width} px)`, rules);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await expectNoSidewaysScroll(page, `${where} (${page.viewportSize()?.width} px)`);
}

/** One for each of the two browsers. */
const parts = [0, 1];

for (const part of parts) {
  test(`every page has no accessibility violation and does not scroll sideways, both themes, every width (${part + 1} of ${parts.length})`, async ({ page }) => {
    test.setTimeout(300_000);
    for (const { path } of product().places.filter((_, index) => index % parts.length === part)) {
      await test.step(path, async () => {
        await page.goto(path);
        for (const width of widths) {
          await resize(page, width);
          await inBothThemes(page, path);
        }
        await resize(page, 1920);
        await expectNoSidewaysScroll(page, `${path} (1920 px)`);
      });
    }
  });
}

/** Dialogs of one kind differ in whom or what they are about. */
const kindOf = (href: string) =>
  href
    .split("?")[0]
    ?.replace(/INC-\d+|[0-9a-f-]{36}|\/\d+/g, "*")
    .replace(/^\/queues\/(?!runs\/)[^/]+\/[^/]+\//, "/queues/*/*/")
    .replace(/\/(schedules|jobs)\/[^/]+/, "/$1/*") ?? href;

for (const width of widths) {
  test(`every dialog is accessible in both themes, closes by Escape and gives the focus back (${width} px)`, async ({ page }) => {
    test.setTimeout(300_000);
    await resize(page, width);
    const seen = new Set<string>();
    const offered = new Set<string>();
    for (const { path } of product().places) {
      // Most pages hold dialogs that others have: those need no browser.
      const html = await (await page.request.get(path, { headers: { Accept: "text/html" } })).text();
      const kinds = [...html.matchAll(/<a\b[^>]*\bdata-dialog\b[^>]*>/g)].map(([tag]) => kindOf(tag.match(/href="([^"]*)"/)?.[1] ?? ""));
      kinds.forEach((kind) => offered.add(kind));
      if (kinds.every((kind) => seen.has(kind))) continue;
      await page.goto(path);
      const openers = page.locator("a[data-dialog]:visible");
      const hrefs = await openers.evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
      for (const [index, href] of hrefs.entries()) {
        if (seen.has(kindOf(href))) continue;
        seen.add(kindOf(href));
        await test.step(`${path} → ${href}`, async () => {
          await openers.nth(index).click();
          const dialog = page.locator("dialog[open]");
          await expect(dialog).toBeVisible();
          await inBothThemes(page, `${href} on ${path}`);
          await page.keyboard.press("Escape");
          await expect(dialog).toBeHidden();
          await expect(openers.nth(index)).toBeFocused();
        });
      }
      const entries = page.locator("main .menu a[data-dialog]");
      const inMenus = await entries.evaluateAll((all) => all.map((a) => ({ href: a.getAttribute("href") ?? "", menu: a.closest(".menu")?.id ?? "" })));
      for (const [index, { href, menu }] of inMenus.entries()) {
        const button = page.locator(`[popovertarget="${menu}"]`);
        if (seen.has(kindOf(href)) || !(await button.isVisible())) continue;
        seen.add(kindOf(href));
        await test.step(`${path} → menu → ${href}`, async () => {
          await button.click();
          await entries.nth(index).click();
          const dialog = page.locator("dialog[open]");
          await expect(dialog).toBeVisible();
          await inBothThemes(page, `${href} on ${path}`);
          await page.keyboard.press("Escape");
          await expect(dialog).toBeHidden();
          await expect(button).toBeFocused();
        });
      }
    }
    expect(seen.size, "dialogs that were opened").toBeGreaterThan(0);
    expect([...offered].filter((kind) => !seen.has(kind)), "dialogs that nobody can open").toEqual([]);
  });
}

test("palette, account menu and list of keys are accessible in both themes", async ({ page }) => {
  await page.goto("/health");
  await page.keyboard.press("Control+k");
  await expect(page.getByRole("combobox")).toBeFocused();
  await inBothThemes(page, "the palette");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Account/ }).click();
  await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
  await inBothThemes(page, "the account menu");
  await page.keyboard.press("Escape");
  await page.keyboard.press("?");
  await expect(page.locator("dialog[open]")).toBeVisible();
  await inBothThemes(page, "the list of keys");
});

test("every page and form is found by following links", () => {
  expect(product().unreached).toEqual([]);
});

test.describe("signed out", () => {
  test.use({ role: "nobody" });

  test("the sign-in page is accessible in both themes and at both widths", async ({ page }) => {
    await page.goto("/login");
    for (const width of widths) {
      await resize(page, width);
      await inBothThemes(page, "/login");
    }
  });
});
