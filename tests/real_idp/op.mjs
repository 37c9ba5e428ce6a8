// A certified OpenID provider with a login form: node op.mjs PORT CLIENT_ID CLIENT_SECRET BASE_URL…
// Every base URL gets its redirect URIs (/auth/callback/op, and stock FAB's /auth/oauth-authorized/op) and its
// post-logout URIs (/auth/logout, /auth/signed-out); the first one gets logout tokens (/auth/backchannel-logout/op).
// Refresh tokens come without a scope, rotate at each use, and one that is used twice revokes its grant.
// OP_ISSUER is the address that others know it by, if something stands in front of it.
// PUT /control/slow MILLISECONDS makes the sign-out page take its time, and 0 no longer.
// PUT /control/people/SUB {"groups": […]} changes somebody, and null removes them.
// Tokens for APIs, terminals and programs: machines.mjs.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Provider from 'oidc-provider'
import * as machines from './machines.mjs'

const [port, clientId, clientSecret, ...baseUrls] = process.argv.slice(2)
const issuer = process.env.OP_ISSUER ?? `http://127.0.0.1:${port}`
const people = Object.fromEntries(
  JSON.parse(readFileSync(new URL('./people.json', import.meta.url), 'utf8')).map((person) => [person.sub, person])
)
const jwk = { ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'one' }

const page = (title, body) =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}</html>`

const provider = new Provider(issuer, {
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: baseUrls.flatMap((url) => [`${url}/auth/callback/op`, `${url}/auth/oauth-authorized/op`]),
    post_logout_redirect_uris: baseUrls.flatMap((url) => [`${url}/auth/logout`, `${url}/auth/signed-out`]),
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['authorization_code', 'refresh_token'],
    backchannel_logout_uri: `${baseUrls[0]}/auth/backchannel-logout/op`,
    backchannel_logout_session_required: true
  }, ...machines.clients(clientSecret)],
  jwks: { keys: [jwk] },
  cookies: { keys: [randomBytes(24).toString('hex')] },
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  // Without its guard against addresses of this machine, where the tests are.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  extraTokenClaims: machines.extraTokenClaims(people),
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    deviceFlow: machines.deviceFlow(page),
    introspection: { enabled: true, allowedPolicy: async () => true },
    resourceIndicators: machines.resourceIndicators,
    revocation: { enabled: true },
    rpInitiatedLogout: {
      logoutSource: async (ctx, form) => {
        ctx.body = page('Sign out of the identity provider?', `${form}
          <button form="op.logoutForm" name="logout" value="yes" autofocus>Sign out</button>`)
      },
      postLogoutSuccessSource: async (ctx) => { ctx.body = page('Signed out of the identity provider', '') }
    }
  },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: async (ctx, sub) => people[sub] && { accountId: sub, claims: async () => people[sub] },
  // Everybody consents: one page fewer to click through.
  loadExistingGrant: async (ctx) => {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId })
    grant.addOIDCScope('openid profile email groups offline_access')
    for (const resource of Object.keys(machines.RESOURCES)) grant.addResourceScope(resource, machines.RESOURCE_SCOPE)
    await grant.save()
    return grant
  },
  ttl: {
    Session: 3600, Interaction: 600, Grant: 3600, IdToken: 600, AccessToken: 600, RefreshToken: 3600,
    ClientCredentials: 600, DeviceCode: 600
  }
})
machines.exchange(provider, jwk, people)

const formBody = async (request) => {
  const parts = []
  for await (const part of request) parts.push(part)
  return new URLSearchParams(Buffer.concat(parts).toString())
}

provider.use(async (ctx, next) => {
  if (ctx.method !== 'PUT' || !ctx.path.startsWith('/control/people/')) return next()
  const parts = []
  for await (const part of ctx.req) parts.push(part)
  const changes = JSON.parse(Buffer.concat(parts).toString())
  const sub = ctx.path.split('/').at(-1)
  if (changes === null) delete people[sub]
  else people[sub] = { ...people[sub], ...changes }
  ctx.status = 204
})

provider.use(machines.controls(provider, jwk))
let slow = 0
provider.use(async (ctx, next) => {
  if (ctx.method === 'PUT' && ctx.path === '/control/slow') {
    const parts = []
    for await (const part of ctx.req) parts.push(part)
    slow = Number(Buffer.concat(parts).toString())
    ctx.status = 204
    return undefined
  }
  if (ctx.path === '/session/end') await new Promise((done) => setTimeout(done, slow))
  return next()
})

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next()
  const details = await provider.interactionDetails(ctx.req, ctx.res)
  if (details.prompt.name === 'consent') {
    ctx.respond = false
    return provider.interactionFinished(ctx.req, ctx.res, { consent: {} }, { mergeWithLastSubmission: true })
  }
  if (ctx.method === 'POST') {
    const accountId = (await formBody(ctx.req)).get('sub')
    const result = accountId ? { login: { accountId } } : { error: 'access_denied', error_description: 'the person went away' }
    ctx.respond = false
    return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false })
  }
  const buttons = Object.values(people).map(({ sub, name }) => `<p><button name="sub" value="${sub}">${name}</button>`)
  ctx.type = 'html'
  ctx.body = page('Sign in at the identity provider',
    `<form method="post" action="/interaction/${details.uid}">${buttons.join('')}<p><button name="sub" value="">Cancel</button></form>`)
})

provider.on('server_error', (ctx, error) => console.error(error))
provider.on('backchannel.error', (ctx, error) => console.error('logout token not delivered:', error.message))

provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
