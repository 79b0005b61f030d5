// Encodes user name and password with the challenge of the page, then sends the form without the readable ones.
// SHA-256 after FIPS 180-4; written out because the unit has no other place to load it from.
function rotr(x, n) { return (x >>> n) | (x << (32 - n)); }

function primes(count, root) {
  var found = [], out = [];
  for (var n = 2; found.length < count; n++) {
    var prime = true;
    for (var i = 0; i < found.length; i++) { if (n % found[i] == 0) { prime = false; break; } }
    if (prime) {
      found.push(n);
      var r = Math.pow(n, 1 / root);
      out.push(((r - Math.floor(r)) * 4294967296) | 0);
    }
  }
  return out;
}

function sha256(ascii) {
  var k = primes(64, 3), h = primes(8, 2), bytes = [], i, t;
  for (i = 0; i < ascii.length; i++) { bytes.push(ascii.charCodeAt(i) & 255); }
  bytes.push(128);
  while (bytes.length % 64 != 56) { bytes.push(0); }
  var bits = ascii.length * 8;
  bytes.push(0, 0, 0, 0, (bits >>> 24) & 255, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255);
  for (var at = 0; at < bytes.length; at += 64) {
    var w = [];
    for (t = 0; t < 16; t++) {
      i = at + t * 4;
      w.push((bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3]);
    }
    for (t = 16; t < 64; t++) {
      var a = w[t - 15], b = w[t - 2];
      var s0 = rotr(a, 7) ^ rotr(a, 18) ^ (a >>> 3), s1 = rotr(b, 17) ^ rotr(b, 19) ^ (b >>> 10);
      w.push((w[t - 16] + s0 + w[t - 7] + s1) | 0);
    }
    var v = h.slice(0);
    for (t = 0; t < 64; t++) {
      var e = v[4], x = v[0];
      var t1 = (v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + k[t] + w[t]) | 0;
      var t2 = ((rotr(x, 2) ^ rotr(x, 13) ^ rotr(x, 22)) + ((x & v[1]) ^ (x & v[2]) ^ (v[1] & v[2]))) | 0;
      v = [(t1 + t2) | 0, v[0], v[1], v[2], (v[3] + t1) | 0, v[4], v[5], v[6]];
    }
    for (i = 0; i < 8; i++) { h[i] = (h[i] + v[i]) | 0; }
  }
  var out = [];
  for (i = 0; i < 8; i++) { out.push((h[i] >>> 24) & 255, (h[i] >>> 16) & 255, (h[i] >>> 8) & 255, h[i] & 255); }
  return out;
}

function encode(challenge, secret) {
  var digest = sha256(challenge), hex = "";
  for (var i = 0; i < 32; i++) {
    var value = digest[i] ^ (i < secret.length ? secret.charCodeAt(i) & 255 : 0);
    hex += (value < 16 ? "0" : "") + value.toString(16);
  }
  return hex;
}

function encodeLogin(form) {
  var challenge = form.FakeChallenge.value;
  form.EncUser.value = encode(challenge, form.Username.value);
  form.EncPasswd.value = encode(challenge, form.Password.value);
  form.Username.value = "";
  form.Password.value = "";
  return true;
}
