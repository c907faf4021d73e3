import type { LaunchOptions } from "@playwright/test";

export declare const executablePath: string;
export declare function chromiumOptions(extra?: string[]): LaunchOptions & { executablePath: string; args: string[] };
