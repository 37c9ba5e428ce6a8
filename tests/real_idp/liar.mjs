// An OpenID provider that lies on request: node liar.mjs PORT CONTROL_PORT
// PUT the name of a lie to http://127.0.0.1:CONTROL_PORT/ and the next sign-ins are told it; "" is the truth.
import http from 'node:http'
import { OAuth2Server } from 'oauth2-mock-server'

const [port, controlPort] = process.argv.slice(2).map(Number)
const now = () => Math.floor(Date.now() / 1000)
const person = { sub: 'liar-0001', name: 'Lisa Liar', email: 'lisa@example.com', email_verified: true, groups: ['airflow-users'] }

const server = new OAuth2Server()
await server.issuer.keys.generate('RS256')
await server.start(port, '127.0.0.1')
server.issuer.url = `http://127.0.0.1:${port}`

let lie = ''
const isIdToken = (token) => token.payload.scope === undefined

const claims = {
  iss: (payload) => { payload.iss = 'http://127.0.0.1:1/other' },
  aud: (payload) => { payload.aud = 'somebody-else' },
  azp: (payload) => { payload.aud = [payload.aud, 'somebody-else']; payload.azp = 'somebody-else' },
  exp: (payload) => { payload.exp = now() - 3600; payload.iat = now() - 7200 },
  nbf: (payload) => { payload.nbf = now() + 3600 },
  iat: (payload) => { payload.iat = now() + 3600 },
  nonce: (payload) => { payload.nonce = 'another-attempt' },
  nonce_missing: (payload) => { delete payload.nonce },
  sub: (payload) => { delete payload.sub },
  at_hash: (payload) => { payload.at_hash = 'AAAAAAAAAAAAAAAAAAAAAA' },
  groups_object: (payload) => { payload.groups = { 'airflow-admins': true } },
  groups_none: (payload) => { payload.groups = null }
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
const answers = {
  alg_none: (answer) => {
    const payload = answer.body.id_token.split('.')[1]
    answer.body.id_token = `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`
  },
  signature: (answer) => {
    const [header, , signature] = answer.body.id_token.split('.')
    answer.body.id_token = `${header}.${encode({ ...person, sub: 'liar-0002' })}.${signature}`
  },
  no_id_token: (answer) => { delete answer.body.id_token },
  http_500: (answer) => { answer.statusCode = 500; answer.body = { error: 'server_error' } },
  invalid_grant: (answer) => { answer.statusCode = 400; answer.body = { error: 'invalid_grant' } },
  not_an_object: (answer) => { answer.body = ['no', 'object'] }
}

server.service.on('beforeTokenSigning', (token) => {
  if (!isIdToken(token)) return
  Object.assign(token.payload, person)
  claims[lie]?.(token.payload)
})
server.service.on('beforeResponse', (answer) => answers[lie]?.(answer))
server.service.on('beforeUserinfo', (answer) => {
  answer.body = lie === 'userinfo_sub' ? { ...person, sub: 'somebody-else' } : person
})
server.service.on('beforeAuthorizeRedirect', (redirect) => {
  if (lie === 'state') redirect.url.searchParams.set('state', 'another-attempt')
  if (lie === 'state_missing') redirect.url.searchParams.delete('state')
  if (lie === 'error') {
    redirect.url.searchParams.delete('code')
    redirect.url.searchParams.set('error', 'access_denied')
    redirect.url.searchParams.set('error_description', '<script>alert(1)</script>')
  }
  if (lie === 'response_iss') redirect.url.searchParams.set('iss', 'http://127.0.0.1:1/other')
})

// The mock takes its keys in turn: a new one is put in front by using up the old.
const rotate = async () => {
  const fresh = await server.issuer.keys.generate('RS256')
  const get = server.issuer.keys.get.bind(server.issuer.keys)
  server.issuer.keys.get = (kid) => get(kid ?? fresh.kid)
}

http.createServer((request, response) => {
  let body = ''
  request.on('data', (part) => { body += part })
  request.on('end', async () => {
    if (body === 'rotate') await rotate()
    lie = body === 'rotate' ? '' : body
    const known = !body || body === 'rotate' || body in claims || body in answers ||
      ['userinfo_sub', 'state', 'state_missing', 'error', 'response_iss'].includes(body)
    response.writeHead(known ? 204 : 404).end()
  })
}).listen(controlPort, '127.0.0.1', () => console.log('ready'))
