// A stand-in for Render's API: one service, its deploys, rollbacks, and whether a push deploys it.
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** The service that it has, by Render's id and by the name that we know it by. */
export const service = { id: "srv-e2e", name: "storefront" } as const;

/** Builds that went live, the oldest first. */
export const builds = [
  { id: "dep-1", sha: "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334", message: "Show the delivery day on the product page" },
  { id: "dep-2", sha: "b2c3d4e5f60718293a4b5c6d7e8f900112233445", message: "One-page checkout" },
] as const;

const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const hour = 60;

function deploy(build: { id: string; sha: string; message: string }, minutes: number, trigger: string, status: string) {
  const commit = { id: build.sha, message: build.message, createdAt: minutesAgo(minutes + 3 * hour) };
  return { id: build.id, status, trigger, commit, startedAt: minutesAgo(minutes), finishedAt: minutesAgo(minutes - 4) };
}

async function json(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString() || "{}");
}

/** Starts it; `environment` connects a product with it. */
export async function startRender(): Promise<{ environment: Record<string, string>; stop: () => Promise<void> }> {
  const key = "rnd_e2e_0123456789";
  let autoDeploy = "yes";
  const deploys = [deploy(builds[1], 5 * hour, "new_commit", "live"), deploy(builds[0], 30 * hour, "new_commit", "deactivated")];
  const place = `/services/${service.id}`;
  const answers: Record<string, (body: any) => unknown> = {
    [`GET ${place}`]: () => ({ ...service, autoDeploy, branch: "main", dashboardUrl: `https://dashboard.render.example/web/${service.id}` }),
    [`PATCH ${place}`]: (body) => {
      autoDeploy = body.autoDeploy ?? autoDeploy;
      return { ...service, autoDeploy };
    },
    [`GET ${place}/deploys`]: () => deploys.map((one) => ({ cursor: one.id, deploy: one })),
    [`POST ${place}/rollback`]: (body) => {
      const before = deploys.find((one) => one.id === body.deployId);
      const started = before && { ...before, id: `dep-${deploys.length + 1}`, status: "live", trigger: "rollback", startedAt: minutesAgo(0), finishedAt: minutesAgo(0) };
      if (started) deploys.unshift(started);
      return started;
    },
  };
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const give = answers[`${request.method} ${request.url?.split("?")[0]}`];
    const allowed = request.headers.authorization === `Bearer ${key}`;
    const found = allowed && give ? give(await json(request)) : undefined;
    response.writeHead(allowed ? (found ? 200 : 404) : 401, { "Content-Type": "application/json" }).end(JSON.stringify(found ?? { message: "no" }));
  };
  const server = createServer((request, response) => void answer(request, response).catch(() => response.writeHead(400).end()));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  const environment = { QD_DEPLOYS__RENDER_URL: `http://127.0.0.1:${port}`, QD_DEPLOYS__RENDER_API_KEY: key, QD_DEPLOYS__RENDER_SERVICES: service.id };
  const stop = async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  return { environment, stop };
}
