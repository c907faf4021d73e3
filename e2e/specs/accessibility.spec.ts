import { expectAccessible, expectNoSidewaysScroll } from "../support/axe.ts";
import { expect, product, test } from "../support/test.ts";

const widths = [390, 1440];
/** Every page is looked at four times: in the dark theme with the rules that depend on it, for the others see the same markup again. */
const rules = { light: "all", dark: "colour" } as const;

for (const theme of ["light", "dark"] as const) {
  for (const width of widths) {
    test.describe(`${theme}, ${width} px`, () => {
      test.use({ colorScheme: theme, viewport: { width, height: width < 600 ? 844 : 900 } });

      test("every page has no accessibility violation and does not scroll sideways", async ({ page }) => {
        test.setTimeout(300_000);
        for (const { path } of product().places) {
          await test.step(path, async () => {
            await page.goto(path);
            await expectAccessible(page, path, rules[theme]);
            await expectNoSidewaysScroll(page, path);
          });
        }
      });

      // A dialog is opened, measured and closed, each for seconds: the dark theme's on the narrow screen alone, where they are full screens.
      if (theme === "dark" && width > 600) return;

      test("every dialog is accessible, closes by Escape and gives the focus back", async ({ page }) => {
        test.setTimeout(300_000);
        const seen = new Set<string>();
        for (const { path } of product().places) {
          await page.goto(path);
          const openers = page.locator("a[data-dialog]:visible");
          const hrefs = await openers.evaluateAll((all) => all.map((a) => a.getAttribute("href") ?? ""));
          for (const [index, href] of hrefs.entries()) {
            const kind = href.split("?")[0]?.replace(/INC-\d+|[0-9a-f-]{36}|\/\d+/g, "*") ?? href;
            if (seen.has(kind)) continue;
            seen.add(kind);
            await test.step(`${path} → ${href}`, async () => {
              await openers.nth(index).click();
              const dialog = page.locator("dialog[open]");
              await expect(dialog).toBeVisible();
              await expectAccessible(page, `${href} on ${path}`, rules[theme]);
              await expectNoSidewaysScroll(page, `${href} on ${path}`);
              await page.keyboard.press("Escape");
              await expect(dialog).toBeHidden();
              await expect(openers.nth(index)).toBeFocused();
            });
          }
        }
        expect(seen.size, "dialogs that were opened").toBeGreaterThan(0);
      });
    });
  }
}

for (const theme of ["light", "dark"] as const) {
  test(`palette, account menu and list of keys are accessible (${theme})`, async ({ page }) => {
    await page.emulateMedia({ colorScheme: theme });
    await page.goto("/health");
    await page.keyboard.press("Control+k");
    await expect(page.getByRole("combobox")).toBeFocused();
    await expectAccessible(page, "the palette");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: /^Account/ }).click();
    await expect(page.getByRole("button", { name: "Sign out" })).toBeVisible();
    await expectAccessible(page, "the account menu");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await expect(page.locator("dialog[open]")).toBeVisible();
    await expectAccessible(page, "the list of keys");
  });
}

test("every page and form is found by following links", () => {
  expect(product().unreached).toEqual([]);
});

test.describe("1920 px", () => {
  test.use({ viewport: { width: 1920, height: 1080 } });

  test("no page scrolls sideways", async ({ page }) => {
    for (const { path } of product().places) {
      await page.goto(path);
      await expectNoSidewaysScroll(page, path);
    }
  });
});

test.describe("signed out", () => {
  test.use({ role: "nobody" });

  for (const theme of ["light", "dark"] as const) {
    for (const width of widths) {
      test(`the sign-in page is accessible (${theme}, ${width} px)`, async ({ page }) => {
        await page.emulateMedia({ colorScheme: theme });
        await page.setViewportSize({ width, height: 844 });
        await page.goto("/login");
        await expectAccessible(page, "/login");
        await expectNoSidewaysScroll(page, "/login");
      });
    }
  }
});
