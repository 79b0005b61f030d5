// What the forms of firmware 1.x need: MD5 after RFC 1321, and hex digits XORed with it.
function md5(ascii) {
  var shifts = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
  var bytes = [], i, h = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (i = 0; i < ascii.length; i++) { bytes.push(ascii.charCodeAt(i) & 255); }
  bytes.push(128);
  while (bytes.length % 64 != 56) { bytes.push(0); }
  for (i = 0; i < 8; i++) { bytes.push(i < 4 ? ((ascii.length * 8) >>> (8 * i)) & 255 : 0); }
  for (var at = 0; at < bytes.length; at += 64) {
    var w = [], a = h[0], b = h[1], c = h[2], d = h[3];
    for (i = 0; i < 16; i++) {
      var p = at + i * 4;
      w.push(bytes[p] | (bytes[p + 1] << 8) | (bytes[p + 2] << 16) | (bytes[p + 3] << 24));
    }
    for (i = 0; i < 64; i++) {
      var round = i >> 4, f, g;
      if (round == 0) { f = (b & c) | (~b & d); g = i; }
      else if (round == 1) { f = (d & b) | (~d & c); g = (5 * i + 1) % 16; }
      else if (round == 2) { f = b ^ c ^ d; g = (3 * i + 5) % 16; }
      else { f = c ^ (b | ~d); g = (7 * i) % 16; }
      var k = Math.floor(Math.abs(Math.sin(i + 1)) * 4294967296) | 0;
      var sum = (a + f + k + w[g]) | 0, s = shifts[round * 4 + i % 4];
      a = d; d = c; c = b;
      b = (b + ((sum << s) | (sum >>> (32 - s)))) | 0;
    }
    h = [(h[0] + a) | 0, (h[1] + b) | 0, (h[2] + c) | 0, (h[3] + d) | 0];
  }
  var hex = "";
  for (i = 0; i < 16; i++) { hex += digits((h[i >> 2] >>> (8 * (i % 4))) & 255); }
  return hex;
}

function digits(value) { return (value < 16 ? "0" : "") + value.toString(16); }

// The secret as hex digits, each XORed with the digit at the same place of the mask.
function hide(secret, mask) {
  var hex = "", out = "";
  for (var i = 0; i < secret.length; i++) { hex += digits(secret.charCodeAt(i) & 255); }
  for (i = 0; i < hex.length; i++) { out += (parseInt(hex.charAt(i), 16) ^ parseInt(mask.charAt(i), 16)).toString(16); }
  return out;
}

function encodeLogin(form) {
  form.MD5Password.value = hide(form.Password.value, md5(form.FakeChallenge.value));
  form.Password.value = "";
  return true;
}

function encodeChange(form) {
  if (form.passwd.value != form.conf_passwd.value) { alert("The passwords do not match."); return false; }
  form.pwd.value = md5(form.old_passwd.value);
  form.newpwd.value = hide(form.passwd.value, form.pwd.value);
  form.old_passwd.value = form.passwd.value = form.conf_passwd.value = "";
  return true;
}
