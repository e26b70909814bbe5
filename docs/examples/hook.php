<?php // SECRET=whsec_… php -S 127.0.0.1:3000 hook.php
http_response_code(500); // until it is kept
$key = base64_decode(str_replace('whsec_', '', (string) getenv('SECRET'))) ?: exit;
$id = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
$time = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
$body = file_get_contents('php://input');

$right = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$time.$body", $key, true));
$signed = false;
foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $one) {
    $signed = $signed || hash_equals($right, $one);
}
if (!$signed || abs(time() - (int) $time) > 300) {
    http_response_code(401);
    exit;
}
$file = "inbox/$id.json";
if (file_exists($file) || file_put_contents("$file.part", $body) && rename("$file.part", $file)) {
    http_response_code(204);
}
