// Probot as its own server, with its log switched off: it proves each delivery, parses it, and calls one
// handler that does nothing.
import pino from "pino";
import { Probot, Server } from "probot";

const server = new Server({
  // A token instead of an App's key: nothing is called, and no key has to be made at start.
  Probot: Probot.defaults({ githubToken: "unused", secret: process.env.BENCH_SECRET }),
  host: "127.0.0.1",
  port: Number(process.env.BENCH_PORT),
  log: pino({ level: "silent" }),
});
await server.load((app) => app.on("pull_request", () => {}));
await server.start();
